// Whatever libfabric does to a call, a ring of grains whose rail it is keeps its promises.
#include <cerrno>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fault_shim.hpp"
#include "loopback.hpp"
#include "rail_ring.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;

namespace {

constexpr std::size_t kGrains = 20, kGrainBytes = 20'000;
constexpr std::uint64_t kMostCalls = 500;
constexpr std::uint64_t kReads = 40;  // of queues, the first ones: there is no end of them

std::vector<std::byte> content(std::size_t index) {
  std::vector<std::byte> bytes(kGrainBytes);
  for (std::size_t at = 0; at < bytes.size(); ++at) bytes[at] = static_cast<std::byte>(at * 31 + index * 7 + 1);
  return bytes;
}

/// Twenty grains; what a rail cannot do another one does, or the session's stream. Gives how many writes of rails it
/// took.
std::uint64_t twenty_grains(const std::string& provider) {
  std::vector<std::vector<std::byte>> grains;
  for (std::size_t index = 0; index < kGrains; ++index) grains.push_back(content(index));
  RailPair pair{provider, Rails::kIfTheyOpen};
  pair.hurry = std::chrono::microseconds(100);
  return through_a_ring(pair, grains);
}

/// Whether the plan's call was there to go wrong.
bool holds(const FaultPlan& plan, const std::string& provider) {
  FaultShim shim{plan};
  CAPTURE(plan.nth, plan.only);
  const std::uint64_t writes = twenty_grains(provider);
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
