#include <algorithm>
#include <cstdio>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <tests/sim/canaries.hpp>
#include <tests/sim/search.hpp>

namespace weft::sim {

using transfer::Canary;

TEST_CASE("canary: without a bug the seeds that search for one pass", "[sim]") {
  transfer::active_canary = Canary::kNone;
  const std::uint64_t seeds = std::ranges::max(kBugs, {}, &Bug::seeds).seeds;
  for (const Search::Broken& broken : search_seeds(seeds, 1).broken)
    FAIL_CHECK("seed " << broken.seed << ": " << broken.breach);
}

TEST_CASE("canary: every bug that is let in is caught", "[sim]") {
  const Bug bug = GENERATE(from_range(kBugs));
  transfer::active_canary = bug.canary;
  const Search search = search_seeds(bug.seeds, 1);
  transfer::active_canary = Canary::kNone;
  INFO(bug.what);
  CHECK_FALSE(search.broken.empty());
  for (const Search::Broken& broken : search.broken)
    std::printf("%s: seed %llu: %s\n", bug.name, static_cast<unsigned long long>(broken.seed), broken.breach.c_str());
}

}  // namespace weft::sim
