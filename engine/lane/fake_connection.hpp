#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <weft/base/clock.hpp>
#include <weft/lane/fake_network.hpp>
#include <weft/lane/lane.hpp>

namespace weft::lane {

/// One post on its way out of a fake lane.
struct FakePost {
  bool is_message = false;
  std::vector<Gather> gather;
  std::vector<RemoteRange> remote;
  std::optional<std::uint32_t> immediate;
  Token token = 0;
  std::uint64_t size = 0;
  std::uint64_t id = 0;
  std::vector<std::byte> copy;  // where the lane reads at the time of the post
  std::uint64_t sent = 0;
  std::size_t range = 0;  // the remote range that is being sent, and how far
  std::uint64_t range_sent = 0;
  bool lost = false;
  bool corrupt = false;
};

/// A connection between two fake lanes: what each side posted, what is on the wire, who still lives.
class FakeConnection : public std::enable_shared_from_this<FakeConnection> {
 public:
  enum class State : std::uint8_t { kDialling, kKnocking, kUp, kClosing, kGone };
  /// Which of the two ends.
  using Side = std::size_t;

  explicit FakeConnection(FakeNetwork& network) : network_(network) {}

  void attach(Side side, FakeLane& lane, Channel channel, State state);
  void come_up(Side side);
  State state(Side side) const { return ends_[side].state; }
  FakeNode node(Side side) const { return ends_[side].node; }

  void post(Side side, FakePost post);
  std::uint64_t posted_writes(Side side) const { return ends_[side].posted_write_bytes; }
  std::uint64_t posted_messages(Side side) const { return ends_[side].posted_message_bytes; }
  std::size_t posts(Side side) const { return ends_[side].unfinished.size(); }

  /// Local close: Down follows after the lane's close delay, the peer hears behind what is on the wire.
  void close(Side side, Error why);
  /// Ends one side now: Finished for all it posted, then Down.
  void shut(Side side, const Error& why, bool failed);
  /// The process behind this side is gone: no events for it; the peer sees Down after that time, or never.
  void vanish(Side side, std::optional<Duration> peer_hears);
  void silence(Side side) { ends_[side].silent = true; }
  /// Something that held traffic back may be over.
  void wake();

 private:
  struct Parcel {
    enum class Kind : std::uint8_t { kMessage, kChunk, kClose } kind = Kind::kChunk;
    std::vector<std::byte> bytes;
    std::vector<Gather> late;  // read on arrival instead of `bytes`
    std::uint64_t size = 0;
    std::uint64_t post = 0;
    std::uint64_t key = 0;
    std::uint64_t offset = 0;
    RemoteRange range;                       // the whole remote range it is a part of: checked as one
    std::optional<std::uint32_t> immediate;  // to be told once the bytes have landed
    bool last = false;                       // of its write
    std::optional<std::uint64_t> flip;       // the bit to flip
  };
  /// How much of one post is on the wire.
  struct Flight {
    std::size_t parcels = 0;
    bool departed = false;                   // wholly
    std::optional<std::uint32_t> immediate;  // to be told once all of it has landed, where parcels keep no order
  };
  struct Unfinished {
    Token token;
    std::uint64_t size;
    bool is_message;
  };
  struct End {
    FakeLane* lane = nullptr;
    FakeNode node = 0;
    Channel channel;
    State state = State::kGone;
    bool silent = false;
    bool departing = false;
    std::deque<FakePost> messages;
    std::deque<FakePost> writes;
    std::map<std::uint64_t, Unfinished> unfinished;
    std::map<std::uint64_t, Flight> flights;
    std::uint64_t posted_write_bytes = 0;
    std::uint64_t posted_message_bytes = 0;
    std::uint64_t in_flight = 0;
    TimePoint wire_free{};
    TimePoint last_arrival{};
    std::deque<Parcel> stalled;                                       // arrived, held back
    std::map<std::pair<std::uint64_t, std::uint64_t>, Region> begun;  // (post, key) of the peer → where it lands
    std::optional<std::uint64_t> spoiled;                             // the peer's write that lost a part
  };

  static Side other(Side side) { return 1 - side; }
  bool is_open(Side side) const;
  void pump(Side from);
  void depart(Side from);
  Parcel cut(Side from, FakePost& post);
  TimePoint arrival_time(Side from, bool in_order);
  void ship(Side from, Parcel parcel, bool in_order);
  void arrive(Side to, Parcel parcel);
  bool is_held(Side to) const;
  void process(Side to, Parcel& parcel);
  void land(Side to, Parcel& parcel);
  std::byte* resolve(Side to, const Parcel& parcel, bool& refused);
  void refuse(Side to);
  void tell_arrived(Side to, std::uint32_t immediate);
  void count_landed(Side to, const Parcel& parcel);
  void finish(Side side, std::uint64_t post, bool failed);

  FakeNetwork& network_;
  std::array<End, 2> ends_;
  std::uint64_t next_post_ = 1;
};

}  // namespace weft::lane
