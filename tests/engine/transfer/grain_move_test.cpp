#include <catch2/catch_test_macros.hpp>

#include <array>
#include <set>
#include <vector>

#include "played_ring.hpp"

using namespace weft;
using namespace weft::transfer;
using namespace weft::transfer::test;
using namespace std::chrono_literals;

/// A ring that fell back to the session's stream goes over to a rail that came up again: each side alone.
namespace {

/// A target whose ring is written over the stream, after its rail was lost and none came for a while.
struct FallenBack : TargetSide {
  FallenBack() {
    write(join(1), 0);
    peer.lose_rail(kRail);
    peer.said_on(0);
    for (int i = 0; i < 40 && on_stream.rail != 0; ++i) {
      pass(100ms);
      while (const auto action = peer.core().next_action())
        if (const auto* expose = std::get_if<Expose>(&*action))
          peer.core().on_exposed(expose->transfer, expose->rail, lane::ExposurePtr(new Exposed), peer.now());
        else if (const auto* listen = std::get_if<ListenRail>(&*action))
          peer.core().on_rail_listening(listen->rail, fail(ErrorClass::kPeerUnreachable, "listen", "not now"),
                                        peer.now());
      keep_last();
    }
    REQUIRE(on_stream.rail == 0);
    REQUIRE(on_stream.arrived == 1);
  }
  void pass(Duration time) {
    peer.hear(wire::Ping{});  // alive
    peer.pass(time);
  }
  void keep_last() {
    for (const auto& slots : peer.said_on<wire::Slots>(0)) on_stream = slots;
  }
  std::uint64_t strays() { return peer.core().stats().stray_arrivals; }
  wire::Slots on_stream{.rail = 99};
};

/// The played peer is the target; the core's feed writes its ring, over the stream at first.
struct Feed {
  Feed() {
    key = peer.core().open_feed(
        {.peer = PlayedPeer::peer(), .token = kToken, .grains = kGrains, .slices = 1, .grain_bytes = 1}, peer.now());
    const auto asked = peer.said_on<wire::RingOpen>(0);
    REQUIRE(asked.size() == 1);
    sequence = asked[0].sequence;
    for (std::uint32_t i = 0; i < kGrains; ++i) places.push_back({.region = 1, .offset = i});
  }
  void hear_slots(std::uint16_t rail, std::uint16_t slot, std::uint64_t granted, std::uint64_t arrived) {
    peer.hear(wire::Slots{.sequence = sequence,
                          .rail = rail,
                          .slot = slot,
                          .granted = granted,
                          .arrived = arrived,
                          .places = places,
                          .regions = regions});
  }
  void hear_credit(std::uint64_t granted, std::uint64_t arrived) {
    peer.hear(wire::Credit{.sequence = sequence, .granted = granted, .arrived = arrived});
  }
  void send(std::uint64_t index) {
    const std::array parts{lane::Gather{&byte, 1}};
    REQUIRE(peer.core().send_grain(key, {.index = index, .last_slice = 1, .parts = parts, .cookie = index + 1}));
  }
  /// The indices of the grains that are written on it now, and by which slots.
  std::vector<std::uint64_t> writes(std::uint16_t number) {
    std::vector<std::uint64_t> indices;
    while (const Post* post = peer.core().peek(peer.rail(number), 1 << 20, peer.now())) {
      if (!post->is_message) {
        GrainHeader header;
        std::memcpy(&header, post->gather.back().data, sizeof header);
        indices.push_back(header.index);
        used.insert(Slots::slot_of(*post->immediate));
      }
      const lane::Token token = post->token;
      peer.core().posted(peer.now());
      peer.core().on_finished(token, false, peer.now());
    }
    return indices;
  }
  std::optional<ErrorClass> over() {
    while (const auto outcome = peer.core().next_outcome())
      if (const auto* why = std::get_if<Error>(&outcome->result)) return why->kind();
    return std::nullopt;
  }

  const std::byte byte{9};
  const std::array<wire::RegionKey, 2> regions{wire::RegionKey{.key = 1}, wire::RegionKey{.key = 2}};
  std::vector<wire::Place> places;
  std::set<std::uint16_t> used;
  PlayedPeer peer;
  TransferKey key{};
  std::uint64_t sequence = 0;
};
using Indices = std::vector<std::uint64_t>;

/// One that was told of a rail while its grain 0 is out over the stream, and has sent another since.
struct ToldToMove : Feed {
  ToldToMove() {
    hear_slots(0, 7, kGrains, 0);
    peer.open_rail(kRail);
    send(0);
    CHECK(writes(0) == Indices{0});
    hear_slots(kRail, 8, kGrains, 0);
    send(1);
  }
};

}  // namespace

TEST_CASE("grain move: a target asks for its rail again, and names it once it is there", "[transfer][grains][O-57]") {
  FallenBack target;
  std::optional<std::uint16_t> dialled;
  for (int i = 0; i < 30 && !dialled; ++i) {
    target.pass(200ms);
    dialled = target.peer.dial_invited();
  }
  REQUIRE(dialled);
  const wire::Slots moved = target.answer();
  CHECK(moved.rail == *dialled);
  CHECK(moved.slot != target.on_stream.slot);
  CHECK(moved.arrived == 1);
  // What is out over the stream still counts; the first grain on the rail ends that.
  target.write(target.on_stream, 1);
  CHECK(target.strays() == 0);
  target.write(moved, 2);
  CHECK(target.strays() == 0);
  target.write(target.on_stream, 3);
  CHECK(target.strays() == 1);
  target.write(moved, 3);
  CHECK(target.strays() == 1);
  CHECK_FALSE(target.peer.said_on<wire::Credit>(*dialled).empty());
}

TEST_CASE("grain move: a better rail that is lost again leaves the ring where it was", "[transfer][grains]") {
  FallenBack target;
  target.peer.open_rail(kRail + 2);
  const wire::Slots told = target.answer();
  REQUIRE(told.rail == kRail + 2);
  target.write(target.on_stream, 1);
  target.peer.lose_rail(kRail + 2);
  const auto again = target.peer.said_on<wire::Slots>(0);
  REQUIRE(again.size() == 1);
  CHECK(again[0].rail == 0);
  CHECK(again[0].slot == target.on_stream.slot);
  CHECK(again[0].arrived == 2);
  target.write(target.on_stream, 2);
  CHECK(target.strays() == 0);
}

TEST_CASE("grain move: one that is lost before it was told says nothing", "[transfer][grains]") {
  FallenBack target;
  target.peer.open_rail(kRail + 2);
  target.peer.lose_rail(kRail + 2);
  while (const auto expose = target.peer.action<Expose>())
    target.peer.core().on_exposed(expose->transfer, expose->rail, lane::ExposurePtr(new Exposed), target.peer.now());
  CHECK(target.peer.said_on<wire::Slots>(0).empty());
  target.write(target.on_stream, 1);
  CHECK(target.strays() == 0);
}

TEST_CASE("grain move: an initiator goes over when all that is out has arrived", "[transfer][grains]") {
  ToldToMove feed;
  CHECK(feed.writes(0).empty());
  CHECK(feed.writes(kRail).empty());
  feed.hear_credit(kGrains, 1);
  CHECK(feed.writes(0).empty());
  CHECK(feed.writes(kRail) == Indices{1});
  CHECK(feed.used == std::set<std::uint16_t>{7, 8});
  CHECK_FALSE(feed.over());
}

TEST_CASE("grain move: an initiator that has not gone over stays when that rail is lost", "[transfer][grains]") {
  ToldToMove feed;
  SECTION("it hears of the loss first") {
    feed.peer.lose_rail(kRail);
    CHECK(feed.writes(0) == Indices{1});
    feed.hear_slots(0, 7, kGrains, 0);
  }
  SECTION("its target does") {
    feed.hear_slots(0, 7, kGrains, 0);
    CHECK(feed.writes(0) == Indices{1});
  }
  CHECK(feed.writes(0).empty());  // nothing twice
  feed.hear_credit(kGrains, 2);
  feed.send(2);
  CHECK(feed.writes(0) == Indices{2});
  CHECK_FALSE(feed.over());
}

TEST_CASE("grain move: one that has gone over sends again what was lost there, by the old slot", "[transfer][grains]") {
  Feed feed;
  feed.hear_slots(0, 7, kGrains, 0);
  feed.peer.open_rail(kRail);
  feed.hear_slots(kRail, 8, kGrains, 0);
  feed.send(0);
  feed.send(1);
  CHECK(feed.writes(kRail) == Indices{0, 1});
  feed.peer.lose_rail(kRail);
  CHECK(feed.writes(0).empty());
  feed.hear_slots(0, 7, kGrains, 0);
  CHECK(feed.writes(0) == Indices{0, 1});
  CHECK(feed.used == std::set<std::uint16_t>{7, 8});
  // The last word counts all that ever went by that slot.
  feed.hear_credit(kGrains, 2);
  feed.peer.core().leave_feed(feed.key, feed.peer.now());
  const auto done = feed.peer.said_on<wire::Done>(0);
  REQUIRE(done.size() == 1);
}
