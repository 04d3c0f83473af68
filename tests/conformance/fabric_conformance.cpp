#include <catch2/catch_test_macros.hpp>

#include <weft/fabric/fabric_lane.hpp>

#include "lane_suite.hpp"

#include "tests/engine/fabric/fault_shim.hpp"
#include "tests/engine/fabric/known_leaks.hpp"

using namespace weft;
using namespace weft::conformance;

namespace {

Result<std::unique_ptr<fabric::FabricLane>> open_lane(const std::string& provider) {
  const auto draw = [key = std::uint64_t{1} << 50]() mutable {
    return Result<std::uint64_t>{key += 0x9E3779B97F4A7C15u};
  };
  return fabric::FabricLane::open({.provider = provider, .draw_key = draw});
}

class FabricPair final : public LanePair {
 public:
  explicit FabricPair(const std::string& provider) : a_(unwrap(open_lane(provider))), b_(unwrap(open_lane(provider))) {}
  lane::Lane& a() override { return *a_; }
  lane::Lane& b() override { return *b_; }
  std::pair<Channel, Channel> connect(Watch& watch) override { return connect_by_dialling(*this, watch); }
  bool dials() const override { return true; }

 private:
  std::unique_ptr<fabric::FabricLane> a_;
  std::unique_ptr<fabric::FabricLane> b_;
};

using fabric::test::FaultShim;
using What = fabric::test::ReorderPlan::What;

/// A pair whose fabric reorders: everything that was opened goes before the shim does.
class ReorderedPair final : public LanePair {
 public:
  ReorderedPair(const std::string& provider, const fabric::test::FaultPlan& plan) : shim_(plan), pair_(provider) {}
  lane::Lane& a() override { return pair_.a(); }
  lane::Lane& b() override { return pair_.b(); }
  std::pair<Channel, Channel> connect(Watch& watch) override { return pair_.connect(watch); }
  bool dials() const override { return true; }

 private:
  FaultShim shim_;
  FabricPair pair_;
};

/// Of writes and completions every third is held, from each of the first three on.
void run_reordered(What what, bool unordered) {
  for (const char* provider : {"net", "tcp"}) {
    if (auto lane = open_lane(provider); !lane) SKIP(lane.error().to_string());
    for (std::uint64_t first = 0; first < 3; ++first) {
      const fabric::test::FaultPlan plan{.reorder = {.what = what, .nth = first, .every = 3}, .unordered = unordered};
      DYNAMIC_SECTION(provider << ", from " << first << " on") {
        run_lane_suite([&] { return std::make_unique<ReorderedPair>(provider, plan); });
      }
    }
  }
}

void run_on(const std::string& provider) {
  if (auto lane = open_lane(provider); !lane) SKIP(lane.error().to_string());
  run_lane_suite([&] { return std::make_unique<FabricPair>(provider); });
}

}  // namespace

TEST_CASE("the fabric lane over net keeps the lane interface's promises", "[conformance][fabric]") { run_on("net"); }

TEST_CASE("the fabric lane over tcp keeps the lane interface's promises", "[conformance][fabric]") { run_on("tcp"); }

TEST_CASE("the fabric lane over verbs keeps the lane interface's promises", "[conformance][fabric]") {
  run_on("verbs");  // skipped without an RDMA device
}

TEST_CASE("the fabric lane keeps its promises where writes end in any order", "[conformance][fabric][O-W10]") {
  run_reordered(What::kSent, false);
}

TEST_CASE("the fabric lane keeps its promises where later writes land before earlier ones",
          "[conformance][fabric][O-W10]") {
  run_reordered(What::kData, true);
}

TEST_CASE("the fabric lane keeps its promises where immediates arrive in any order", "[conformance][fabric][O-W10]") {
  run_reordered(What::kArrived, true);
}
