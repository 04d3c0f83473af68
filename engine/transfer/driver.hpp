#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/flat_map.hpp>
#include <weft/crypto/pass.hpp>
#include <weft/lane/lane.hpp>
#include <weft/transfer/core.hpp>

namespace weft::transfer {

/// What a driver cannot do by itself: sessions, memory, files, the application. Called from within Driver::turn, on the
/// loop; each may answer at once through the core, or later.
class DriverHost {
 public:
  virtual ~DriverHost() = default;
  virtual void need_session(const NodeId& peer) = 0;
  virtual void take_landing(TransferKey transfer, std::uint64_t bytes) = 0;
  virtual void prepare(Prepare&& prepare) = 0;
  virtual void offered(AskOffer&& offer) = 0;
  virtual void offer_gone(TransferKey transfer) = 0;
  virtual void finished(Outcome&& outcome) = 0;
  virtual void grain(GrainEvent&&) {}
  virtual void session_ended(SessionKey session, const NodeId& peer, const Error& why) = 0;
  /// Told of each step, for tests of faults. Before it is acted upon: "session" and "rail" that came up; "message", and
  /// behind it "grant" or "receipt" for those; "arrival", "finished". After the lane took it: "written" a piece,
  /// "last-written" the word that no more comes, "receipted" a receipt.
  virtual void step(std::string_view) {}
};

/// Drives one Core over lanes: carries the core's posts and actions to them and their events back. The same code runs
/// in the endpoint's loop and in the simulator. No thread, no clock, no blocking call of its own; one loop owns it.
class Driver {
 public:
  Driver(Core& core, DriverHost& host) : core_(&core), host_(&host) {}

  /// A lane to poll, borrowed. A rail lane is known by its traits' name; rails are dialled with passes.
  void add_lane(lane::Lane& lane);

  /// A session over a channel that `lane` has just been given; it counts as up once the lane says so.
  /// `pass_key` is what both ends of the session can derive, for its rails.
  void adopt(lane::Lane& lane, lane::Channel channel, SessionSpec spec, const crypto::PassKey& pass_key);

  /// Polls every lane once, runs what is due, posts what there is room for. Whether anything happened: if not, the
  /// caller may wait until a lane's descriptor or `next_timer`. Bounded work.
  bool turn(TimePoint now);
  TimePoint next_timer() const;
  bool may_block();
  /// The next turn polls every lane, also those that carry nothing: without that the loop may not block behind it.
  void look_everywhere() noexcept { everywhere_ = true; }

  /// Whether a rail is up whose bytes arrive in memory. Then turns make no system call for what did not come: between
  /// two of them the kernel need not be asked, and a lane is polled that the caller `told` of.
  bool sees_memory() const noexcept { return memory_rails_ != 0; }
  /// Something is readable at this lane's `unseen` (or `waitable`): the next turn polls it.
  void told(int descriptor) noexcept;
  /// When a session last had a message, either way; what answers it is likely to follow soon.
  TimePoint last_message() const noexcept { return last_message_; }
  /// Whether something is open that a message of a session ends, other than rings of grains.
  bool awaits_messages() const noexcept { return core_->awaits_messages(); }
  /// Whether the next turn should follow at once; else what is to come is told by the lanes' descriptors first.
  bool busy() const noexcept { return core_->moves_pieces(); }

  /// Drops every channel without ceremony; the lanes' last events are not awaited.
  void abandon();
  std::size_t sessions() const noexcept { return sessions_.size(); }
  /// Channels that were adopted and are not up yet.
  std::size_t adopting() const;
  Core& core() noexcept { return *core_; }

 private:
  struct Binding {  // a channel of a lane → the rail it is
    SessionKey session{};
    std::uint16_t number = 0;
    bool adopting = false;  // its session is not up yet
    std::uint32_t waiting = 0;
    bool in_memory = false;  // a rail that is up, and of such a lane
  };
  struct RailChannel {
    std::uint16_t number = 0;
    std::size_t lane = 0;
    lane::Channel channel{};
  };
  struct Watch {  // of a lane
    std::size_t channels = 0;
    bool told = true;
  };
  struct LiveSession {
    SessionKey key{};
    NodeId peer{};
    crypto::PassKey pass_key{};
    std::string local_host{};
    std::vector<RailChannel> rails{};
  };
  struct Adopting {
    SessionSpec spec{};
    crypto::PassKey pass_key{};
    std::size_t lane = 0;
    lane::Channel channel{};
    bool used = false;
  };

  static constexpr unsigned kTurnsPerIdleRail = 8;

  std::size_t index_of(const lane::Lane& lane) const;
  lane::Lane* lane_named(Lane name, std::size_t& index);
  std::uint64_t id(std::size_t lane, lane::Channel channel) const {
    return (static_cast<std::uint64_t>(lane) << 32) | channel.value;
  }
  LiveSession* find(SessionKey key);
  void forget(SessionKey key);
  const RailChannel* find(RailRef rail);
  void on_event(std::size_t lane, lane::Event& event, TimePoint now);
  void on_up(std::size_t lane, lane::Channel channel, TimePoint now);
  void on_down(std::size_t lane, const lane::Down& down, TimePoint now);
  void on_knock(std::size_t lane, const lane::Knock& knock, TimePoint now);
  void listen_to_sessions(TimePoint now);
  bool run_actions(TimePoint now);
  void act(ListenRail& action, TimePoint now);
  void act(DialRail& action, TimePoint now);
  void act(Expose& action, TimePoint now);
  void act(Attach& action, TimePoint now);
  void close_rail(RailRef rail, TimePoint now);
  void told(std::span<const std::byte> frame);
  void taken(const Post& post);
  bool post(TimePoint now);
  void look_before_bye(std::size_t stream, TimePoint now);
  bool look(std::size_t lane, bool all, bool everywhere, TimePoint now);
  void bind(std::size_t lane, lane::Channel channel, const Binding& binding);

  Core* core_;
  DriverHost* host_;
  std::vector<lane::Lane*> lanes_;
  TimePoint next_hearing_{};
  unsigned since_all_ = 0;        // turns since every lane was polled
  bool everywhere_ = false;       // the next turn polls every lane
  std::size_t memory_rails_ = 0;  // up, of lanes that arrive in memory
  TimePoint last_message_{};
  std::vector<Watch> watches_;              // per lane
  std::vector<TimePoint> listening_until_;  // per lane; kNever: not listening
  std::vector<RailRef> held_back_;          // of this turn: refused with nothing out that would bring them back
  FlatMap<Binding> bindings_;
  std::vector<LiveSession> sessions_;
  FlatMap<std::uint32_t> places_;  // session → its index in sessions_
  std::vector<Adopting> adopting_;
  std::array<lane::Event, 8> events_{};
};

}  // namespace weft::transfer
