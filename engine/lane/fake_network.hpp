#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include <weft/base/clock.hpp>
#include <weft/lane/lane.hpp>

namespace weft::lane {

class FakeConnection;
class FakeLane;
struct FakeLaneOptions;

/// The source of every choice a fake network makes: the same seed, the same run (splitmix64).
class FakeRandom {
 public:
  explicit FakeRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() noexcept {
    std::uint64_t mixed = state_ += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return mixed ^ (mixed >> 31);
  }
  /// 0 … bound - 1; 0 for a bound of 0.
  std::uint64_t below(std::uint64_t bound) noexcept { return bound == 0 ? 0 : next() % bound; }
  bool chance(double probability) noexcept { return static_cast<double>(next() >> 11) * 0x1p-53 < probability; }

 private:
  std::uint64_t state_;
};

using FakeNode = std::uint32_t;

/// One direction between two nodes. May be changed at any time. What a sealed lane cannot suffer (its records would
/// not authenticate) applies to the others only.
struct FakeLink {
  Duration latency = std::chrono::microseconds{20};
  Duration jitter{};  ///< up to this is added; ordered lanes stay in order
  double bytes_per_second = 2e9;
  std::uint64_t in_flight_bytes = 4 * 1024 * 1024;  ///< sent and not taken by the receiver; then the sender waits
  bool held = false;                                ///< a partition: nothing gets through, everything does once healed
  bool silent = false;                              ///< what is sent vanishes, with local success
  double lose_write = 0;         ///< probability that a write vanishes, with local success; not on sealed lanes
  double corrupt_write = 0;      ///< probability that one bit of a write flips; not on sealed lanes
  double duplicate_arrival = 0;  ///< probability that an immediate is told twice; not on sealed lanes
};

/// A network inside one test: nodes, fake lanes, links with faults, and a clock that only the test moves. Nothing
/// happens by itself and everything that happens follows from the seed. Single-threaded.
///
/// How it lies, as real providers do: Finished comes when the bytes have left, not when they landed;
/// bytes land in parts over time; without revoke_fences a write that has begun goes on landing after its exposure
/// was revoked (E1); a write to a bad key kills its connection while both writes report success (E3); a close drops
/// what is queued (E7), and until its Down is reported bytes go on landing.
class FakeNetwork {
 public:
  explicit FakeNetwork(std::uint64_t seed);
  ~FakeNetwork();
  FakeNetwork(const FakeNetwork&) = delete;
  FakeNetwork& operator=(const FakeNetwork&) = delete;

  TimePoint now() const noexcept { return now_; }
  /// When something is due next; kNever when nothing is under way.
  TimePoint next_event_time() const noexcept;
  /// Moves the clock, at most forward, and lets everything happen that is due by then.
  void advance_to(TimePoint time);
  FakeRandom& random() noexcept { return random_; }

  /// A lane of a node. It must not outlive the network; when it is destroyed its peers see Down.
  std::unique_ptr<FakeLane> make_lane(FakeLaneOptions options);
  /// A connection without dialling (a session's stream): Up follows at both from poll.
  std::pair<Channel, Channel> connect(FakeLane& a, FakeLane& b);

  FakeLink link(FakeNode from, FakeNode to) const;
  void set_link(FakeNode from, FakeNode to, FakeLink link);
  /// Of every pair that was not set.
  void set_default_link(FakeLink link) { default_link_ = link; }
  /// Holds both directions, or lets them go.
  void partition(FakeNode a, FakeNode b, bool held);

  /// The connection breaks: Down at this side and at the other after these times, nullopt: never.
  void reset(FakeLane& lane, Channel channel, std::optional<Duration> here, std::optional<Duration> there);
  /// Everything this side sends from now on vanishes, with local success.
  void silence(FakeLane& lane, Channel channel);
  /// The node's lanes are dead at once; their peers see Down after that time, or never.
  void crash(FakeNode node, std::optional<Duration> peers_hear);
  /// A stopped process: it sends nothing and takes nothing (but see FakeLaneOptions::lands_while_stopped).
  void stop(FakeNode node, bool stopped);
  bool is_stopped(FakeNode node) const { return stopped_.contains(node) && stopped_.at(node); }
  /// The next dials to this lane get no answer, ever.
  void swallow_dials(FakeLane& lane, std::uint32_t count);

  /// Called before a peer's bytes are written to memory: whoever handed that memory back sees N9 broken here.
  std::function<void(FakeLane& lane, std::byte* address, std::size_t length)> on_landed;

  /// Called for a range that a lane reads, or is given to read, without an attachment that covers it: a lane that says
  /// gathers_attached could not have.
  std::function<void(const FakeLane& lane, const Gather& range)> on_unattached;

  /// For the parts of the fake: runs `action` at `time`, after what was scheduled for the same time before.
  void at(TimePoint time, std::function<void()> action);

 private:
  friend class FakeLane;
  struct Due {
    TimePoint time;
    std::uint64_t sequence;
    std::function<void()> action;
    bool operator<(const Due& other) const noexcept {  // the top of the queue is the earliest
      return time != other.time ? time > other.time : sequence > other.sequence;
    }
  };

  std::shared_ptr<FakeConnection> make_connection();
  FakeLane* find_listener(const std::string& address) const;
  void wake(FakeNode node);

  FakeRandom random_;
  TimePoint now_{std::chrono::hours{1}};
  std::uint64_t sequence_ = 0;
  std::priority_queue<Due> due_;
  FakeLink default_link_;
  std::map<std::pair<FakeNode, FakeNode>, FakeLink> links_;
  std::map<FakeNode, bool> stopped_;
  std::vector<FakeLane*> lanes_;
  std::vector<std::weak_ptr<FakeConnection>> connections_;
  std::uint32_t addresses_ = 0;
};

}  // namespace weft::lane
