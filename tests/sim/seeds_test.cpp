#include <catch2/catch_test_macros.hpp>

#include <tests/sim/search.hpp>
#include <tests/sim/seeds.hpp>

namespace weft::sim {
namespace {

constexpr std::size_t kFailuresShown = 5;

}  // namespace

TEST_CASE("simulator: no seed breaks an invariant, and after healing every call succeeds",
          "[sim][T-W5][X-9][N1][N2][N3][N4][N5][N6][N9][N10]") {
  const Search search = search_seeds(kSeeds, kFailuresShown);
  for (const Search::Broken& broken : search.broken)
    UNSCOPED_INFO("seed " << broken.seed << ": " << broken.breach << "\n  replay: tests/test_sim --seed "
                          << broken.seed);
  CHECK(search.broken.empty());
  CHECK(search.succeeded > search.calls / 2);
}

}  // namespace weft::sim
