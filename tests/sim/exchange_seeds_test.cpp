#include <catch2/catch_test_macros.hpp>

#include <tests/sim/exchange_scenario.hpp>
#include <tests/sim/seeds.hpp>

namespace weft::sim {

TEST_CASE("simulator: small exchanges ride rails that are lost at every step, and each ends soon and once",
          "[sim][exchange][O-57]") {
  const SeedRange seeds = seeds_of("WEFT_EXCHANGE_SEED", kSeeds);
  std::size_t calls = 0, broken = 0;
  std::uint64_t by_rail = 0;
  for (std::uint64_t seed = seeds.first; seed <= seeds.last && broken < 5; ++seed) {
    const ExchangeResult result = ExchangeScenario(seed, seeds.replay).run();
    calls += result.calls;
    by_rail += result.by_rail;
    if (result.breaches.empty()) continue;
    ++broken;
    UNSCOPED_INFO("seed " << seed << ": " << result.breaches.front() << "\n  replay: WEFT_EXCHANGE_SEED=" << seed
                          << " tests/test_sim [exchange]");
  }
  CHECK(broken == 0);
  CHECK(by_rail > calls / 8);
}

}  // namespace weft::sim
