#include <catch2/catch_test_macros.hpp>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <weft/lane/framed.hpp>
#include <weft/transfer/driver.hpp>

#include "tests/conformance/plain_pipe.hpp"

using namespace weft;
using namespace weft::transfer;

namespace {

constexpr std::size_t kSliceBytes = 32, kSlices = 2;
constexpr std::uint64_t kPieceBytes = 100;  // of the lane
constexpr RingToken kToken{std::byte{5}};

NodeId id_of(std::uint8_t number) { return {.bytes = {std::byte{number}}}; }

/// One end: a core and its driver over a socket pair. Its time stands still unless a test moves it.
struct Node final : DriverHost {
  explicit Node(std::uint8_t number)
      : core({.self = id_of(number),
              .incarnation = {.bytes = {std::byte{number}}},
              .access = Access::any(),
              .random = [] { return std::uint64_t{4}; },
              .wall_clock = {}},
             catalog),
        driver(core, *this) {
    auto traits = lane::framed_traits(weft::Lane::kTls, false);
    traits.piece_bytes = kPieceBytes;
    auto opened =
        lane::FramedLane::open({.traits = traits, .draw_key = [key = std::uint64_t{9}]() mutable { return ++key; }});
    REQUIRE(opened);
    framed = std::move(*opened);
    driver.add_lane(*framed);
  }
  void need_session(const NodeId&) override {}
  void take_landing(TransferKey, std::uint64_t) override {}
  void prepare(Prepare&&) override {}
  void offered(AskOffer&&) override {}
  void offer_gone(TransferKey) override {}
  void finished(Outcome&& outcome) override {
    if (const auto* why = std::get_if<Error>(&outcome.result)) over = why->kind();
  }
  void session_ended(SessionKey, const NodeId&, const Error&) override {}
  void grain(GrainEvent&& event) override {
    if (const auto* arrived = std::get_if<GrainArrived>(&event)) grains.push_back(*arrived);
    if (std::get_if<FeedUp>(&event) != nullptr) up = true;
    if (std::get_if<InitiatorLeft>(&event) != nullptr) left = true;
    if (const auto* ended = std::get_if<GrainEnded>(&event)) {
      REQUIRE_FALSE(ends.contains(ended->cookie));
      ends[ended->cookie] = ended->error ? std::optional(ended->error->kind()) : std::nullopt;
    }
  }

  void step(std::string_view what) override { writes += what == "written" ? 1 : 0; }

  TimePoint now{std::chrono::hours(1)};
  Catalog catalog;
  std::unique_ptr<lane::FramedLane> framed;
  Core core;
  Driver driver;
  std::vector<GrainArrived> grains;                         // of a target
  std::map<std::uint64_t, std::optional<ErrorClass>> ends;  // of an initiator: cookie → why not, nothing for arrived
  std::optional<ErrorClass> over;                           // its feed's outcome
  bool up = false, left = false;
  std::size_t writes = 0;
};

/// A ring of one slot in two slices, and a feed that is up.
struct Pair {
  Node target{1};
  Node initiator{2};
  std::size_t slice_bytes;
  std::vector<std::byte> memory = std::vector<std::byte>(kSlices * slice_bytes);
  std::vector<std::byte> source = std::vector<std::byte>(kSlices * slice_bytes);
  RingKey ring{};
  TransferKey feed{};

  explicit Pair(std::size_t bytes_of_slice = kSliceBytes) : slice_bytes(bytes_of_slice) {
    for (std::size_t i = 0; i < source.size(); ++i) source[i] = static_cast<std::byte>(i * 7 + i / 256);
    auto pipes = conformance::PlainPipe::make_pair();
    const auto a = target.framed->adopt(std::move(pipes.first));
    const auto b = initiator.framed->adopt(std::move(pipes.second));
    REQUIRE((a && b));
    target.driver.adopt(*target.framed, *a, {.peer = id_of(2), .stream = target.framed->traits()}, {});
    initiator.driver.adopt(*initiator.framed, *b,
                           {.peer = id_of(1), .dialled = true, .stream = initiator.framed->traits()}, {});
    const auto opened =
        target.core.open_ring({.name = "ring", .token = kToken, .slots = {std::span(memory)}, .slices = kSlices});
    REQUIRE(opened);
    ring = *opened;
    feed = initiator.core.open_feed(
        {.peer = id_of(1), .token = kToken, .grains = 1, .slices = kSlices, .grain_bytes = source.size()},
        initiator.now);
    REQUIRE(turn_until([&] { return initiator.up; }));
  }
  bool turn_until(const auto& done) {
    for (int turns = 0; turns < 10'000; ++turns) {
      if (done()) return true;
      target.driver.turn(target.now);
      initiator.driver.turn(initiator.now);
    }
    return done();
  }
  void send(std::uint64_t cookie, std::uint32_t first, std::uint32_t last, TimePoint deadline = kNever) {
    const std::array parts{lane::Gather{.data = source.data(), .size = (last - first) * slice_bytes}};
    REQUIRE(initiator.core.send_grain(feed, {.index = cookie,
                                             .first_slice = first,
                                             .last_slice = last,
                                             .parts = parts,
                                             .deadline = deadline,
                                             .cookie = cookie}));
  }
  /// The ring's only slot is taken by a grain whose reader holds it.
  void fill_ring() {
    send(1, 0, kSlices);
    REQUIRE(turn_until([&] { return initiator.ends.contains(1); }));
    REQUIRE_FALSE(initiator.ends.at(1));
    REQUIRE(target.grains.size() == 1);
  }
  void leave() { initiator.core.leave_feed(feed, initiator.now); }
  bool leaves() {
    return turn_until([&] { return initiator.over && target.left; });
  }
};

}  // namespace

TEST_CASE("feed: one that leaves with nothing but refused slices is over at once", "[M-22]") {
  Pair pair;
  pair.send(1, 1, 2);  // its first slice was never sent
  pair.send(2, 1, 2);
  pair.leave();
  REQUIRE(pair.leaves());
  CHECK(pair.initiator.over == ErrorClass::kCancelled);
  CHECK(pair.initiator.ends.at(1) == ErrorClass::kInvalidArgument);
  CHECK(pair.initiator.ends.at(2) == ErrorClass::kInvalidArgument);
  CHECK(pair.target.grains.empty());
}

TEST_CASE("feed: slices that were refused before it leaves do not keep it", "[M-22]") {
  Pair pair;
  pair.send(1, 1, 2);
  REQUIRE(pair.turn_until([&] { return pair.initiator.ends.contains(1); }));
  CHECK_FALSE(pair.initiator.over);
  pair.leave();
  REQUIRE(pair.leaves());
}

TEST_CASE("feed: one that leaves is over with the last send that expires behind refused ones", "[M-22]") {
  Pair pair;
  pair.fill_ring();
  const TimePoint deadline = pair.initiator.now + std::chrono::milliseconds(5);
  pair.send(2, 1, 2);
  pair.send(3, 0, kSlices, deadline);  // no slot is free
  pair.leave();
  REQUIRE(pair.turn_until([&] { return pair.initiator.ends.contains(2); }));
  CHECK_FALSE(pair.initiator.ends.contains(3));
  CHECK_FALSE(pair.initiator.over);
  pair.initiator.now = deadline;
  REQUIRE(pair.leaves());
  CHECK(pair.initiator.ends.at(3) == ErrorClass::kDeadlineExceeded);
  CHECK(pair.target.grains.size() == 1);
}

TEST_CASE("feed: one that leaves waits for the send that is out, with refused ones around it", "[M-22]") {
  Pair pair;
  pair.fill_ring();
  pair.send(2, 1, 2);
  pair.send(3, 0, kSlices);  // waits for the slot
  pair.send(4, 1, 2);
  pair.leave();
  REQUIRE(pair.turn_until([&] { return pair.initiator.ends.contains(2); }));
  CHECK_FALSE(pair.initiator.over);
  REQUIRE(pair.target.core.release_slot(pair.ring, pair.target.grains.front().slot, pair.target.now));
  REQUIRE(pair.turn_until([&] { return pair.target.grains.size() == 2; }));
  REQUIRE(pair.leaves());
  CHECK(pair.initiator.ends.at(3) == std::nullopt);
  CHECK(pair.initiator.ends.at(4) == ErrorClass::kInvalidArgument);
  CHECK(pair.initiator.ends.size() == 4);
}

TEST_CASE("feed: a grain larger than a piece goes in writes of a piece each, and is told once", "[M-05]") {
  for (const std::size_t slice : {std::size_t{50}, std::size_t{51}, std::size_t{5000}}) {
    CAPTURE(slice);
    Pair pair(slice);
    pair.fill_ring();
    CHECK(pair.memory == pair.source);
    const std::size_t pieces = (pair.source.size() + kPieceBytes - 1) / kPieceBytes;
    CHECK(pair.initiator.writes >= pieces);
    CHECK(pair.initiator.writes <= pieces + 1);  // the header, where it needs a write of its own
    CHECK(pair.target.grains.front().complete);
  }
}
