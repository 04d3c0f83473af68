#include "played_ring.hpp"

using namespace weft;
using namespace weft::transfer;
using namespace weft::transfer::test;

TEST_CASE("grain credits: they ride the rail of their grains, with what is true when they leave", "[transfer]") {
  TargetSide target;
  const wire::Slots slots = target.join(1);
  CHECK(slots.granted == kGrains);
  target.write(slots, 0);
  target.write(slots, 1);
  target.release(0);
  const auto said = target.peer.said_on<wire::Credit>(kRail);
  REQUIRE(said.size() == 1);
  CHECK(said[0].sequence == 1);
  CHECK(said[0].arrived == 2);
  CHECK(said[0].granted == kGrains + 1);
  CHECK(target.peer.said_on(0).empty());
}

TEST_CASE("grain credits: none overtakes the slots that it adds to", "[transfer]") {
  TargetSide target;
  target.write(target.join(1), 0);
  target.peer.said_on(kRail);
  const std::array posted{wire::RailCount{.rail = kRail, .posted = 1}};
  target.peer.hear(wire::Done{.transfer = {.sequence = 1, .opened_by_sender = true}, .rails = posted});
  // Another initiator; the reader still holds what the first one wrote into the slot that is to be granted next.
  const wire::Slots slots = target.join(2);
  CHECK(slots.granted == 0);
  target.release(0);
  CHECK(target.peer.said_on(kRail).empty());
  const auto said = target.peer.said_on<wire::Credit>(0);
  REQUIRE(said.size() == 1);
  CHECK(said[0].granted == kGrains);
  target.write(slots, 0);
  CHECK(target.peer.said_on<wire::Credit>(kRail).size() == 1);
}

TEST_CASE("grain credits: what a lost rail has told is said again on the stream", "[transfer][O-W15]") {
  TargetSide target;
  target.write(target.join(1), 0);
  CHECK(target.peer.said_on<wire::Credit>(kRail).size() == 1);
  SECTION("as it was told") {}
  SECTION("and what it was about to tell") { target.release(0); }
  target.peer.lose_rail(kRail);
  const auto said = target.peer.said_on<wire::Credit>(0);
  REQUIRE(said.size() == 1);
  CHECK(said[0].arrived == 1);
  // Over the next rail they ride again.
  target.peer.open_rail(kRail + 2);
  target.peer.pass(std::chrono::seconds(1));
  const wire::Slots slots = target.answer();
  CHECK(slots.rail == kRail + 2);
  CHECK(slots.arrived == 1);
  target.write(slots, 1);
  CHECK(target.peer.said_on<wire::Credit>(kRail + 2).size() == 1);
}

TEST_CASE("grain credits: one that the rail does not take goes on the stream", "[transfer]") {
  TargetSide target;
  target.write(target.join(1), 0);
  REQUIRE(target.peer.core().peek(target.peer.rail(kRail), 1, target.peer.now()) != nullptr);
  target.peer.core().declined(target.peer.now());
  CHECK(target.peer.said_on(kRail).empty());
  const auto said = target.peer.said_on<wire::Credit>(0);
  REQUIRE(said.size() == 1);
  CHECK(said[0].arrived == 1);
}

TEST_CASE("grain credits: late, doubled and of both ways they change nothing", "[transfer]") {
  PlayedPeer peer;
  peer.open_rail(kRail);
  const TransferKey feed = peer.core().open_feed(
      {.peer = PlayedPeer::peer(), .token = kToken, .grains = kGrains, .slices = 1, .grain_bytes = 1}, peer.now());
  const auto asked = peer.said_on<wire::RingOpen>(0);
  REQUIRE(asked.size() == 1);
  std::vector<wire::Place> places;
  for (std::uint32_t i = 0; i < kGrains; ++i) places.push_back({.region = 1, .offset = i});
  const std::array regions{wire::RegionKey{.key = 1}, wire::RegionKey{.key = 2}};
  peer.hear(wire::Slots{
      .sequence = asked[0].sequence, .rail = kRail, .slot = 7, .granted = 2, .places = places, .regions = regions});
  const std::byte byte{9};
  const std::array parts{lane::Gather{&byte, 1}};
  for (std::uint64_t i = 0; i < kGrains; ++i)
    REQUIRE(peer.core().send_grain(feed, {.index = i, .last_slice = 1, .parts = parts, .cookie = i + 1}));
  peer.said_on(kRail);
  const auto ended = [&] {
    std::vector<std::uint64_t> cookies;
    while (const auto event = peer.core().next_grain_event())
      if (const auto* one = std::get_if<GrainEnded>(&*event); one != nullptr && !one->error)
        cookies.push_back(one->cookie);
    return cookies;
  };
  const wire::Credit first{.sequence = asked[0].sequence, .granted = 3, .arrived = 1};
  const wire::Credit second{.sequence = asked[0].sequence, .granted = 4, .arrived = 2};
  peer.hear_on(kRail, second);
  CHECK(ended() == std::vector<std::uint64_t>{1, 2});
  peer.hear_on(kRail, first);
  peer.hear(first);
  peer.hear(second);
  CHECK(ended().empty());
  peer.said_on(kRail);
  peer.hear(wire::Credit{.sequence = asked[0].sequence, .granted = 4, .arrived = 4});
  CHECK(ended() == std::vector<std::uint64_t>{3, 4});
}

TEST_CASE("rails: a message that is not for them closes the rail, not the session", "[transfer]") {
  PlayedPeer peer;
  peer.open_rail(kRail);
  SECTION("one of the stream's") { peer.hear_on(kRail, wire::Ping{.nonce = 1}); }
  SECTION("none at all") {
    const std::array<std::byte, 40> noise{std::byte{1}};
    peer.core().on_rail_message(peer.rail(kRail), noise, peer.now());
  }
  const auto closed = peer.action<CloseRail>();
  REQUIRE(closed);
  CHECK(closed->rail == peer.rail(kRail));
  CHECK_FALSE(peer.action<CloseSession>());
  CHECK(peer.core().sessions().size() == 1);
  peer.hear_on(kRail, wire::Credit{.sequence = 1});  // what still comes of it is not looked at
  CHECK_FALSE(peer.action<CloseRail>());
}
