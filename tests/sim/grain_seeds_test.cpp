#include <catch2/catch_test_macros.hpp>

#include <tests/sim/grain_scenario.hpp>
#include <tests/sim/seeds.hpp>

namespace weft::sim {
namespace {

#if defined(WEFT_SIM_SEEDS)
constexpr std::uint64_t kGrainSeeds = kSeeds / 10;
#else
constexpr std::uint64_t kGrainSeeds = 1000;
#endif

void run_seeds(GrainScenario::Rails rails) {
  const SeedRange seeds = seeds_of("WEFT_GRAIN_SEED", kGrainSeeds);
  std::size_t sends = 0, arrived = 0, broken = 0;
  for (std::uint64_t seed = seeds.first; seed <= seeds.last && broken < 5; ++seed) {
    const GrainResult result = GrainScenario(seed, seeds.replay, rails).run();
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
