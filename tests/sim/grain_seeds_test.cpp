#include <catch2/catch_test_macros.hpp>

#include <cstdlib>

#include <tests/sim/grain_scenario.hpp>

namespace weft::sim {
namespace {

#if defined(WEFT_SIM_SEEDS)
constexpr std::uint64_t kSeeds = WEFT_SIM_SEEDS / 10;  // with sanitizers
#else
constexpr std::uint64_t kSeeds = 1000;
#endif

void run_seeds(GrainScenario::Rails rails) {
  const char* only = std::getenv("WEFT_GRAIN_SEED");  // to replay one
  std::size_t sends = 0, arrived = 0, broken = 0;
  const std::uint64_t first = only != nullptr ? std::strtoull(only, nullptr, 10) : 1;
  for (std::uint64_t seed = first; seed <= (only != nullptr ? first : kSeeds) && broken < 5; ++seed) {
    const GrainResult result = GrainScenario(seed, only != nullptr, rails).run();
    sends += result.sends;
    arrived += result.arrived;
    if (result.breaches.empty()) continue;
    ++broken;
    UNSCOPED_INFO("seed " << seed << ": " << result.breaches.front() << "\n  replay: WEFT_GRAIN_SEED=" << seed
                          << " tests/test_sim [grains]");
  }
  CHECK(broken == 0);
  CHECK(arrived > sends / 2);
}

}  // namespace

TEST_CASE("simulator: grains arrive once, whole and in order, or are told to have failed",
          "[sim][grains][O-57][O-W11]") {
  run_seeds(GrainScenario::Rails::kAny);
}

TEST_CASE("simulator: so they do where credits ride the rails that are lost", "[sim][grains][O-57]") {
  run_seeds(GrainScenario::Rails::kWithMessages);
}

}  // namespace weft::sim
