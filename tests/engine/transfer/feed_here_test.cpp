#include <catch2/catch_test_macros.hpp>

#include <map>
#include <vector>

#include <weft/transfer/core.hpp>

using namespace weft;
using namespace weft::transfer;
using namespace std::chrono_literals;

namespace {

constexpr NodeId kSelf{.bytes = {std::byte{1}}};
constexpr RingToken kToken{std::byte{7}};

/// A core with a ring, and an initiator of its own node at it. What came of it is collected.
struct Here {
  explicit Here(std::size_t slots, std::size_t bytes, std::uint32_t slices = 1, std::uint32_t initiators = 1)
      : memory(slots * bytes), slices(slices), bytes(bytes), slots(slots) {
    RingSpec spec{.name = "grains", .token = kToken, .slices = slices, .initiators = initiators};
    for (std::size_t i = 0; i < slots; ++i) spec.slots.push_back(std::span(memory).subspan(i * bytes, bytes));
    ring = *core.open_ring(std::move(spec));
  }
  TransferKey join(RingToken token = kToken) {
    const auto feed = core.open_feed({.peer = kSelf,
                                      .token = token,
                                      .grains = static_cast<std::uint32_t>(slots),
                                      .slices = slices,
                                      .grain_bytes = bytes},
                                     now);
    look();
    return feed;
  }
  bool send(TransferKey feed, std::uint64_t index, const std::vector<std::byte>& grain, std::uint32_t first = 0,
            std::uint32_t last = 1, TimePoint deadline = kNever) {
    // In two parts: they lie anywhere.
    const lane::Gather parts[] = {{.data = grain.data(), .size = grain.size() / 3},
                                  {.data = grain.data() + grain.size() / 3, .size = grain.size() - grain.size() / 3}};
    return core.send_grain(feed, {.index = index,
                                  .first_slice = first,
                                  .last_slice = last,
                                  .parts = grain.empty() ? std::span<const lane::Gather>{} : std::span(parts),
                                  .deadline = deadline,
                                  .cookie = index});
  }
  /// One turn of a loop.
  void turn(Duration later = 1us) {
    now += later;
    core.on_timer(now);
    look();
  }
  void look() {
    while (const auto event = core.next_grain_event()) {
      if (const auto* e = std::get_if<GrainArrived>(&*event)) arrived.push_back(*e);
      if (const auto* e = std::get_if<GrainEnded>(&*event)) ended.push_back(*e);
      up += std::holds_alternative<FeedUp>(*event) ? 1 : 0;
      joined += std::holds_alternative<InitiatorJoined>(*event) ? 1 : 0;
      left += std::holds_alternative<InitiatorLeft>(*event) ? 1 : 0;
      closed += std::holds_alternative<GrainRingClosed>(*event) ? 1 : 0;
    }
    while (auto outcome = core.next_outcome()) outcomes.push_back(std::move(*outcome));
  }
  ErrorClass outcome(std::size_t i) const { return std::get<Error>(outcomes.at(i).result).kind(); }

  Catalog catalog;
  Core core{{.self = kSelf,
             .incarnation = {.bytes = {std::byte{1}}},
             .access = Access::any(),
             .random = [] { return std::uint64_t{4}; },
             .wall_clock = {}},
            catalog};
  TimePoint now{std::chrono::hours(1)};
  std::vector<std::byte> memory;
  std::uint32_t slices;
  std::size_t bytes, slots;
  RingKey ring{};
  std::vector<GrainArrived> arrived;
  std::vector<GrainEnded> ended;
  std::vector<Outcome> outcomes;
  int up = 0, joined = 0, left = 0, closed = 0;
};

std::vector<std::byte> grain(std::size_t bytes, int value) { return {bytes, static_cast<std::byte>(value)}; }

}  // namespace

TEST_CASE("own ring: grains are copied, each once, and a held slot is waited for", "[grains][M-44]") {
  Here here(2, 300);
  const auto feed = here.join();
  CHECK((here.up == 1 && here.joined == 1));
  std::vector<std::vector<std::byte>> grains;
  for (int i = 0; i < 4; ++i) grains.push_back(grain(300, i + 1));
  for (std::uint64_t i = 0; i < 4; ++i) CHECK(here.send(feed, i, grains[i]));
  here.turn();
  REQUIRE(here.arrived.size() == 2);
  REQUIRE(here.ended.size() == 2);
  CHECK(std::equal(grains[0].begin(), grains[0].end(), here.memory.begin()));
  CHECK(std::equal(grains[1].begin(), grains[1].end(), here.memory.begin() + 300));
  here.turn(1s);
  CHECK(here.arrived.size() == 2);
  // Slots go by the index: the third grain waits for the first one's, whatever else is free.
  CHECK(here.core.release_slot(here.ring, 1, here.now));
  here.turn();
  CHECK(here.arrived.size() == 2);
  CHECK(here.core.next_timer() > here.now);  // nothing to look at
  CHECK(here.core.release_slot(here.ring, 0, here.now));
  here.turn();
  REQUIRE(here.arrived.size() == 4);
  CHECK((here.arrived[2].slot == 0 && here.arrived[2].index == 2 && here.arrived[2].complete));
  CHECK(here.arrived[3].from == kSelf);
  CHECK(std::equal(grains[2].begin(), grains[2].end(), here.memory.begin()));
  for (const auto& one : here.ended) CHECK_FALSE(one.error);
  CHECK_FALSE(here.core.release_slot(here.ring, 5, here.now));
}

TEST_CASE("own ring: slices grow in their slot, a gap and a slot that comes too late are told", "[grains][M-44]") {
  Here here(1, 400, 4);
  const auto feed = here.join();
  const auto half = grain(200, 1), quarter = grain(100, 2);
  CHECK(here.send(feed, 0, half, 0, 2));
  CHECK(here.send(feed, 0, quarter, 3, 4));  // the third is missing
  CHECK(here.send(feed, 0, quarter, 2, 3));
  CHECK(here.send(feed, 0, quarter, 3, 4));
  CHECK(here.send(feed, 1, {}, 0, 0, here.now + 10ms));
  here.turn();
  REQUIRE(here.arrived.size() == 3);
  CHECK((here.arrived[0].valid_slices == 2 && !here.arrived[0].complete));
  CHECK((here.arrived[2].valid_slices == 4 && here.arrived[2].complete));
  REQUIRE(here.ended.size() == 4);
  CHECK(here.ended[1].error->kind() == ErrorClass::kInvalidArgument);
  CHECK(here.memory[399] == std::byte{2});
  here.turn(20ms);
  REQUIRE(here.ended.size() == 5);
  CHECK(here.ended[4].error->kind() == ErrorClass::kDeadlineExceeded);
  CHECK_FALSE(here.ended[4].error->may_have_arrived());
  CHECK(here.core.release_slot(here.ring, 0, here.now));
  CHECK(here.send(feed, 1, {}, 0, 0));
  here.turn();
  REQUIRE(here.arrived.size() == 4);
  CHECK((here.arrived[3].invalid && here.arrived[3].complete));
}

TEST_CASE("own ring: a large grain is copied a stretch a turn, and one cut off has not arrived", "[grains][M-44]") {
  constexpr std::size_t kBytes = (5 << 20) + 77;
  Here here(2, kBytes);
  auto feed = here.join();
  const auto first = grain(kBytes, 1), second = grain(kBytes, 2);
  CHECK(here.send(feed, 0, first));
  CHECK(here.send(feed, 1, second));
  here.turn();
  CHECK(here.arrived.empty());
  CHECK(here.core.next_timer() <= here.now);  // at once, but others have their turn before
  for (int i = 0; i < 5; ++i) here.turn();
  REQUIRE(here.arrived.size() == 1);
  CHECK(std::equal(first.begin(), first.end(), here.memory.begin()));
  here.core.cancel(feed, ErrorClass::kCancelled, here.now);
  here.look();
  REQUIRE(here.ended.size() == 2);
  CHECK(here.ended[1].error->kind() == ErrorClass::kCancelled);
  CHECK_FALSE(here.ended[1].error->may_have_arrived());
  CHECK((here.left == 1 && here.outcomes.size() == 1));
  for (int i = 0; i < 5; ++i) here.turn();
  CHECK(here.arrived.size() == 1);
  // The next initiator's begin anew, once what is held in front of them is released.
  feed = here.join();
  CHECK(here.core.release_slot(here.ring, 0, here.now));
  CHECK(here.send(feed, 7, second));
  for (int i = 0; i < 6; ++i) here.turn();
  REQUIRE(here.arrived.size() == 2);
  CHECK((here.arrived[1].slot == 1 && here.arrived[1].index == 7));
}

TEST_CASE("own ring: who leaves does so after the last grain, and a ring that closes ends its initiator",
          "[grains][M-44]") {
  Here here(1, 64);
  auto feed = here.join();
  const auto one = grain(64, 3);
  CHECK(here.send(feed, 0, one));
  CHECK(here.send(feed, 1, one));
  here.turn();
  here.core.leave_feed(feed, here.now);
  CHECK_FALSE(here.send(feed, 2, one));
  here.turn();
  CHECK(here.left == 0);
  CHECK(here.core.release_slot(here.ring, 0, here.now));
  here.turn();
  CHECK((here.arrived.size() == 2 && here.ended.size() == 2));
  CHECK((here.left == 1 && here.outcome(0) == ErrorClass::kCancelled));

  feed = here.join();
  CHECK(here.send(feed, 3, one));
  here.core.close_ring(here.ring, here.now);
  here.look();
  REQUIRE(here.ended.size() == 3);
  CHECK(here.ended[2].error->kind() == ErrorClass::kPeerLost);
  CHECK((here.closed == 1 && here.left == 2 && here.outcome(1) == ErrorClass::kPeerLost));
  here.join();
  CHECK(here.outcome(2) == ErrorClass::kNotFound);
}

TEST_CASE("own ring: the token, the shape and the number of initiators are checked", "[grains][M-44]") {
  Here here(4, 64, 1, 2);
  CHECK(here.join(RingToken{std::byte{8}}));
  CHECK(here.outcome(0) == ErrorClass::kForbidden);
  here.slots = 5;
  here.join();
  CHECK(here.outcome(1) == ErrorClass::kStale);
  here.slots = 4;
  const auto first = here.join(), second = here.join();
  here.join();
  CHECK(here.outcome(2) == ErrorClass::kOverloaded);
  CHECK(here.up == 2);
  // Each has its own share: what one sends waits for none of the other's.
  const auto one = grain(64, 1), two = grain(64, 2);
  for (std::uint64_t i = 0; i < 3; ++i) CHECK(here.send(first, i, one));
  CHECK(here.send(second, 0, two));
  here.turn();
  CHECK(here.arrived.size() == 3);
  CHECK((here.memory[0] == std::byte{1} && here.memory[64 * 2] == std::byte{2}));
  here.core.shut_down(here.now);
  here.look();
  CHECK((here.ended.size() == 4 && here.outcomes.size() == 5 && here.closed == 1));
  CHECK(here.core.stats().transfers_live == 0);
}
