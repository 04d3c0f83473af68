// Whatever libfabric does to a call, a ring of grains whose rail it is keeps its promises.
#include <algorithm>
#include <array>
#include <cerrno>

#include <catch2/catch_test_macros.hpp>

#include "fault_shim.hpp"
#include "loopback.hpp"
#include "rail_pair.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;

namespace {

constexpr std::size_t kGrains = 20, kSlots = 4, kGrainBytes = 20'000;
constexpr std::uint64_t kMostCalls = 500;
constexpr std::uint64_t kReads = 40;  // of queues, the first ones: there is no end of them

std::vector<std::byte> content(std::size_t index) {
  std::vector<std::byte> bytes(kGrainBytes);
  for (std::size_t at = 0; at < bytes.size(); ++at) bytes[at] = static_cast<std::byte>(at * 31 + index * 7 + 1);
  return bytes;
}

/// Twenty grains through a ring of four slots; gives how many writes of rails it took. Each grain has one result, which
/// is that it arrived: what a rail cannot do another one does, or the session's stream.
std::uint64_t through_a_ring(const std::string& provider) {
  std::vector<std::byte> memory(kSlots * kGrainBytes);
  std::vector<std::vector<std::byte>> sources;
  for (std::size_t index = 0; index < kGrains; ++index) sources.push_back(content(index));
  RailPair pair{provider, Rails::kIfTheyOpen};
  pair.hurry = std::chrono::microseconds(100);
  const transfer::RingToken token{std::byte{5}};
  transfer::RingSpec ring{.name = "ring", .token = token};
  for (std::size_t slot = 0; slot < kSlots; ++slot)
    ring.slots.emplace_back(std::span{memory}.subspan(slot * kGrainBytes, kGrainBytes));
  const transfer::RingKey key = unwrap(pair.a.core.open_ring(std::move(ring)));
  std::vector<std::uint64_t> seen, torn;
  pair.a.on_grain = [&](const transfer::GrainEvent& event) {
    const auto* grain = std::get_if<transfer::GrainArrived>(&event);
    if (grain == nullptr || !grain->complete) return;
    seen.push_back(grain->index);
    const auto slot = std::span{memory}.subspan(grain->slot * kGrainBytes, kGrainBytes);
    if (!std::ranges::equal(slot, sources.at(grain->index))) torn.push_back(grain->index);
    // So that a write which comes too late is seen in what is read next.
    std::ranges::fill(slot, std::byte{0xEE});
    CHECK(pair.a.core.release_slot(key, grain->slot, pair.now()));
  };
  std::array<int, kGrains> ends{};
  std::vector<std::string> failed;
  bool up = false;
  pair.b.on_grain = [&](const transfer::GrainEvent& event) {
    up = up || std::holds_alternative<transfer::FeedUp>(event);
    const auto* ended = std::get_if<transfer::GrainEnded>(&event);
    if (ended == nullptr) return;
    ++ends.at(ended->cookie);
    if (ended->error) failed.push_back(ended->error->to_string());
  };
  pair.until("a session", [&] {
    const auto session = pair.b.core.session_with(node_id(1));
    return session && pair.b.core.session(*session)->established;
  });
  const auto feed = pair.b.core.open_feed(
      {.peer = node_id(1), .token = token, .grains = kSlots, .grain_bytes = kGrainBytes}, pair.now());
  pair.until("the ring's answer", [&] { return up; });
  for (std::size_t index = 0; index < kGrains; ++index) {
    const std::array parts{lane::Gather{sources[index].data(), kGrainBytes}};
    REQUIRE(pair.b.core.send_grain(feed, {.index = index, .last_slice = 1, .parts = parts, .cookie = index}));
  }
  pair.until("every end", [&] { return std::ranges::all_of(ends, [](int times) { return times > 0; }); });
  const std::uint64_t writes = pair.b.rails ? pair.b.rails->writes() : 0;
  pair.close();
  CHECK(std::ranges::all_of(ends, [](int times) { return times == 1; }));
  CHECK(failed == std::vector<std::string>{});
  CHECK(torn == std::vector<std::uint64_t>{});
  std::vector<std::uint64_t> wanted(kGrains);
  for (std::size_t index = 0; index < kGrains; ++index) wanted[index] = index;
  CHECK(seen == wanted);
  return writes;
}

/// Whether the plan's call was there to go wrong.
bool holds(const FaultPlan& plan, const std::string& provider) {
  FaultShim shim{plan};
  CAPTURE(plan.nth, plan.only);
  const std::uint64_t writes = through_a_ring(provider);
  INFO("at " << shim.where());
  CHECK(shim.open_objects() == 0);
  CHECK(shim.failed_closes() == 0);
  CHECK(shim.dirty_errors() == 0);
  // What is late, or to be tried again, costs the rail nothing.
  const bool stays =
      !shim.reached() || plan.kind == FaultPlan::Kind::kDelay ||
      (plan.kind == FaultPlan::Kind::kAgain && (shim.where() == "fi_writemsg" || shim.where().ends_with("_read")));
  if (stays) CHECK(writes >= kGrains);
  return shim.reached();
}

std::string_view name_of(FaultPlan::Kind kind) {
  return kind == FaultPlan::Kind::kFail    ? "fails"
         : kind == FaultPlan::Kind::kAgain ? "is to be tried again"
                                           : "is late";
}

}  // namespace

TEST_CASE("whichever call goes wrong under a ring of grains, each grain comes once, whole and in order",
          "[fabric][fault][O-W3][O-W4][O-W8]") {
  for (const char* provider : kSoftwareProviders)
    for (const auto kind : {FaultPlan::Kind::kFail, FaultPlan::Kind::kAgain, FaultPlan::Kind::kDelay})
      DYNAMIC_SECTION("a call " << name_of(kind) << ", on " << provider) {
        if (const auto library = FabricVersion::running(); !library) SKIP(library.error().to_string());
        std::uint64_t nth = 0;
        while (nth < kMostCalls && holds({.nth = nth, .kind = kind, .code = ENOMEM}, provider)) ++nth;
        CHECK(nth > kGrains);
        CHECK(nth < kMostCalls);
        for (const std::string_view only : {"fi_cq_read", "fi_eq_read"})
          for (std::uint64_t read = 0; read < kReads; ++read)
            holds({.nth = read, .kind = kind, .only = only, .code = ENOMEM}, provider);
      }
}

TEST_CASE("a completion queue that is far too small loses no grain", "[fabric][fault][O-37][O-W4]") {
  for (const char* provider : kSoftwareProviders)
    for (const std::size_t entries : {1u, 4u}) DYNAMIC_SECTION(entries << " entries, on " << provider) {
        if (const auto library = FabricVersion::running(); !library) SKIP(library.error().to_string());
        CHECK_FALSE(holds({.queue_entries = entries}, provider));
      }
}
