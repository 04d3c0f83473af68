#include <weft/transfer/grains.hpp>
#include <weft/transfer/slots.hpp>
#include <weft/wire/digest.hpp>

#include "played_peer.hpp"

using namespace weft;
using namespace weft::transfer;
using weft::transfer::test::PlayedPeer;

namespace {

constexpr std::uint32_t kGrains = 4;
constexpr std::uint16_t kRail = 2;
constexpr RingToken kToken{std::byte{7}};

struct Exposed final : lane::Exposure {
  std::uint64_t key() const override { return 1; }
};

/// A target of four grains of a byte each, which the played peer writes.
struct TargetSide {
  TargetSide() {
    RingSpec spec{.name = "ring", .token = kToken, .headers = headers};
    for (std::byte& slot : memory) spec.slots.emplace_back(&slot, 1);
    ring = unwrap(peer.core().open_ring(std::move(spec)));
    peer.open_rail(kRail);
  }
  /// As an initiator's first message; the target's answer.
  wire::Slots join(std::uint64_t sequence) {
    peer.hear(wire::RingOpen{.sequence = sequence, .token = kToken, .grains = kGrains, .slices = 1, .grain_bytes = 1});
    return answer();
  }
  wire::Slots answer() {
    while (const auto expose = peer.action<Expose>())
      peer.core().on_exposed(expose->transfer, expose->rail, lane::ExposurePtr(new Exposed), peer.now());
    const auto answers = peer.said_on<wire::Slots>(0);
    REQUIRE(answers.size() == 1);
    return answers[0];
  }
  void write(const wire::Slots& slots, std::uint64_t send) {
    const auto place = static_cast<std::uint32_t>(send % kGrains);
    GrainHeader header{.ordinal = send, .send = send, .bytes = 1, .valid_slices = 1, .flags = GrainHeader::kComplete};
    header.check = wire::leaf_of(std::as_bytes(std::span(&header, 1)).first(offsetof(GrainHeader, check)));
    headers[place] = header;
    peer.core().on_arrived(Slots::immediate(slots.slot, place), std::nullopt, peer.now());
  }
  void release(std::uint32_t slot) { REQUIRE(peer.core().release_slot(ring, slot, peer.now())); }

  std::array<std::byte, kGrains> memory{};
  std::array<GrainHeader, kGrains> headers{};
  PlayedPeer peer;
  RingKey ring{};
};

}  // namespace

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

TEST_CASE("grain credits: what a lost rail has told is said again on the stream", "[transfer]") {
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
