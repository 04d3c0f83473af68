#include <catch2/catch_test_macros.hpp>

#include <weft/fabric/fabric_lane.hpp>

#include "lane_suite.hpp"

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
