// What an unordered fabric may do, done to the lane, to a pull and to a ring of grains: nothing arrives wrong, twice or
// too early for it.
#include <algorithm>
#include <array>

#include <catch2/catch_test_macros.hpp>

#include "fault_shim.hpp"
#include "loopback.hpp"
#include "rail_ring.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;

namespace {

using What = ReorderPlan::What;

/// Runs the scenario with the N-th of a kind held, for N = 0, 1, 2 … until there is none; how often one was.
template <class Scenario>
std::uint64_t every_one(What what, bool unordered, Scenario&& scenario) {
  constexpr std::uint64_t kMost = 500;
  for (std::uint64_t nth = 0; nth < kMost; ++nth) {
    FaultShim shim{{.reorder = {.what = what, .nth = nth, .past = 1 + nth % 3}, .unordered = unordered}};
    CAPTURE(nth);
    scenario(shim);
    CHECK(shim.open_objects() == 0);
    CHECK(shim.failed_closes() == 0);
    if (!shim.reached()) return nth;
  }
  FAIL("the scenario never passes without one");
  return 0;
}

std::string_view name_of(What what) {
  return what == What::kData ? "data" : what == What::kSent ? "completions of writes" : "arrivals";
}

constexpr std::size_t kRows = 96;
constexpr std::size_t kRowBytes = 8192;
constexpr std::size_t kBytes = kRows * kRowBytes;
constexpr std::byte kNobodys{0xEE};

/// A matrix whose rows lie apart, so that a piece of it takes several writes.
class Matrix {
 public:
  Matrix() : memory_(kRows * kStride, kNobodys) {}
  void fill() {
    for (std::size_t at = 0; at < kBytes; ++at) byte(at) = byte_of(at);
  }
  TensorMeta meta() const {
    TensorMeta meta;
    meta.dtype = DType::kU8;
    meta.shape = Shape{static_cast<std::int64_t>(kRows), static_cast<std::int64_t>(kRowBytes)};
    meta.strides = Strides{static_cast<std::int64_t>(kStride), 1};
    return meta;
  }
  bool is_whole() {
    for (std::size_t at = 0; at < kBytes; ++at)
      if (byte(at) != byte_of(at)) return false;
    return nobodys(true);
  }
  /// Whether the memory between the rows, or all of it, is as it was.
  bool nobodys(bool between) const {
    for (std::size_t at = 0; at < memory_.size(); ++at)
      if ((!between || at % kStride >= kRowBytes) && memory_[at] != kNobodys) return false;
    return true;
  }
  void clear() { std::ranges::fill(memory_, kNobodys); }
  std::byte* data() { return memory_.data(); }
  std::size_t size() const { return memory_.size(); }
  static std::byte byte_of(std::size_t at) { return static_cast<std::byte>(at * 31 + at / 8192 * 7 + 1); }

 private:
  static constexpr std::size_t kStride = kRowBytes + 4096;
  std::byte& byte(std::size_t at) { return memory_[at / kRowBytes * kStride + at % kRowBytes]; }
  std::vector<std::byte> memory_;
};

/// A pull into a landing and one into the caller's own memory, at the same time. As soon as either is over its memory
/// is used for something else: what lands there afterwards was handed back too early.
void pull_twice(FaultShim&, const std::string& provider, wire::Verify verify) {
  Matrix source;
  source.fill();
  Matrix target;
  std::vector<memory::Landing> landings;
  RailPair pair{provider};
  auto entry = std::make_shared<transfer::Entry>();
  entry->name = "matrix";
  entry->meta = source.meta();
  entry->whole = Selection::whole(entry->meta).value();
  entry->bytes = kBytes;
  entry->data = source.data();
  pair.a.catalog.publish({entry});

  std::array<int, 2> outcomes{};
  pair.b.on_outcome = [&](transfer::Outcome& outcome) {
    ++outcomes.at(outcome.cookie);
    if (const auto* why = std::get_if<Error>(&outcome.result)) FAIL(why->to_string());
    auto& pulled = std::get<transfer::Pulled>(outcome.result);
    CHECK(pulled.lane == weft::Lane::kTcp);
    if (outcome.cookie == 1) {
      CHECK(target.is_whole());
      return target.clear();
    }
    const std::span<std::byte> bytes = pulled.landing.bytes();
    REQUIRE(bytes.size() == kBytes);
    bool whole = true;
    for (std::size_t at = 0; at < kBytes; ++at) whole = whole && bytes[at] == Matrix::byte_of(at);
    CHECK(whole);
    std::ranges::fill(bytes, kNobodys);
    landings.push_back(std::move(pulled.landing));
  };
  pair.meet();
  for (std::uint64_t cookie = 0; cookie < outcomes.size(); ++cookie) {
    transfer::PullSpec spec{.peer = node_id(1), .names = {"matrix"}};
    spec.lane = weft::Lane::kTcp;
    spec.verify = verify;
    spec.cookie = cookie;
    if (cookie == 1)
      spec.into.push_back({.data = target.data(),
                           .size = target.size(),
                           .meta = source.meta(),
                           .selection = Selection::whole(target.meta()).value()});
    pair.b.core.pull(std::move(spec), Clock::now());
  }
  pair.until("both pulls", [&] { return outcomes[0] + outcomes[1] == 2; });
  pair.close();
  CHECK(outcomes == std::array{1, 1});
  CHECK(pair.b.core.stats().pieces_reasked == 0);
  CHECK(pair.b.core.stats().integrity_failures == 0);
  CHECK(pair.a.rails->writes() > 2 * kBytes / kLeafBytes);  // pieces went in several writes
  CHECK(pair.a.rails->downs() == 1);
  CHECK(pair.b.rails->downs() == 1);
  CHECK(target.nobodys(false));
  CHECK(std::ranges::all_of(landings.at(0).bytes(), [](std::byte one) { return one == kNobodys; }));
}

constexpr std::size_t kGrains = 12;

void twelve_grains(const std::string& provider, bool by_rail) {
  std::vector<std::vector<std::byte>> grains;
  for (std::size_t n = 0; n < kGrains; ++n) grains.emplace_back(300'000, static_cast<std::byte>(n + 1));
  RailPair pair{provider};
  // A ring counts on order: without it its grains go over the session's stream.
  const std::uint64_t writes = through_a_ring(pair, grains);
  CHECK((by_rail ? writes >= kGrains : writes == 0));
}

}  // namespace

TEST_CASE("where a fabric keeps no order an immediate overtakes earlier bytes, and the lane says so",
          "[fabric][fault][reorder][O-W10]") {
  for (const char* provider : kSoftwareProviders) DYNAMIC_SECTION("on " << provider) {
      const FaultShim shim{{.reorder = {.what = What::kData}, .unordered = true}};
      Nodes nodes{provider};
      CHECK_FALSE(nodes.a.lane->traits().ordered);
      nodes.connect();
      const Placed to(nodes);
      std::vector<std::byte> second(64);
      const auto exposed = unwrap(nodes.b.lane->expose({second.data(), second.size()}, nodes.at_b));
      const std::array there{lane::RemoteRange{exposed->key(), exposed->base(), second.size()}};
      REQUIRE(nodes.a.lane->write(nodes.at_a, to.gather, to.remote, std::nullopt, 1) == lane::Posted::kTaken);
      REQUIRE(nodes.a.lane->write(nodes.at_a, to.gather, there, 7u, 2) == lane::Posted::kTaken);
      nodes.until("the immediate", [&] { return nodes.b.count<lane::Arrived>() == 1; });
      CHECK(second == to.source);
      CHECK(to.landing == std::vector<std::byte>(64));  // written before, and not there
      nodes.until("both ends", [&] { return nodes.a.count<lane::Finished>() == 2; });
      CHECK(nodes.a.last<lane::Finished>().token == 1);
      nodes.until("the earlier bytes", [&] { return to.landing == to.source; });
    }
}

TEST_CASE("what is held for a connection that closes never leaves, and ends with it",
          "[fabric][fault][reorder][O-W10]") {
  for (const char* provider : kSoftwareProviders) DYNAMIC_SECTION("on " << provider) {
      const FaultShim shim{{.reorder = {.what = What::kData, .past = 1000}, .unordered = true}};
      Nodes nodes{provider};
      nodes.connect();
      const Placed to(nodes);
      REQUIRE(nodes.a.lane->write(nodes.at_a, to.gather, to.remote, 7u, 1) == lane::Posted::kTaken);
      nodes.a.lane->close(nodes.at_a);
      nodes.until("both down", [&] { return nodes.a.count<lane::Down>() == 1 && nodes.b.count<lane::Down>() == 1; });
      CHECK(nodes.a.count<lane::Finished>() == 1);
      CHECK(nodes.a.last<lane::Finished>().failed);
      for (int turn = 0; turn < 500; ++turn) nodes.turn();
      CHECK(to.landing == std::vector<std::byte>(64));
      CHECK(nodes.b.count<lane::Arrived>() == 0);
    }
}

TEST_CASE("whichever write is overtaken, pulls are whole, and no landing is handed back before it is quiet",
          "[fabric][fault][reorder][O-W10][N9]") {
  for (const char* provider : kSoftwareProviders)
    for (const wire::Verify verify : {wire::Verify::kPieces, wire::Verify::kLane})
      for (const What what : {What::kData, What::kSent, What::kArrived})
        DYNAMIC_SECTION(name_of(what) << " on " << provider << (verify == wire::Verify::kLane ? ", unverified" : "")) {
          const auto times = every_one(what, true, [&](FaultShim& shim) { pull_twice(shim, provider, verify); });
          CHECK(times > 2 * kBytes / kLeafBytes);
        }
}

TEST_CASE("whichever write ends late, pulls over an ordered fabric are whole", "[fabric][fault][reorder][O-W10]") {
  for (const char* provider : kSoftwareProviders) DYNAMIC_SECTION("on " << provider) {
      const auto times =
          every_one(What::kSent, false, [&](FaultShim& shim) { pull_twice(shim, provider, wire::Verify::kPieces); });
      CHECK(times > 2 * kBytes / kLeafBytes);
    }
}

TEST_CASE("whichever write ends late, a ring's grains come once, whole and in order",
          "[fabric][fault][reorder][O-W10]") {
  for (const char* provider : kSoftwareProviders) DYNAMIC_SECTION("on " << provider) {
      CHECK(every_one(What::kSent, false, [&](FaultShim&) { twelve_grains(provider, true); }) >= kGrains);
    }
}

TEST_CASE("a ring's grains do not go over a fabric that keeps no order", "[fabric][fault][reorder][O-W10]") {
  for (const char* provider : kSoftwareProviders)
    for (const What what : {What::kData, What::kSent, What::kArrived})
      DYNAMIC_SECTION(name_of(what) << " on " << provider) {
        CHECK(every_one(what, true, [&](FaultShim&) { twelve_grains(provider, false); }) == 0);
      }
}
