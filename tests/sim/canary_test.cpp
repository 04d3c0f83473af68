#include <algorithm>
#include <cstdio>
#include <optional>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <tests/sim/canaries.hpp>
#include <tests/sim/exchange_scenario.hpp>
#include <tests/sim/grain_scenario.hpp>
#include <tests/sim/search.hpp>

namespace weft::sim {

using transfer::Canary;

namespace {

/// The first seed of grains, or of exchanges, that breaks an invariant.
std::optional<Search::Broken> search_for(const Bug& bug) {
  for (std::uint64_t seed = 1; seed <= bug.seeds; ++seed) {
    std::vector<std::string> breaches =
        bug.by == Bug::By::kGrains ? GrainScenario(seed, false, GrainScenario::Rails::kWithMessages).run().breaches
                                   : ExchangeScenario(seed, false).run().breaches;
    if (!breaches.empty()) return Search::Broken{.seed = seed, .breach = std::move(breaches.front())};
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("canary: without a bug the seeds that search for one pass", "[sim]") {
  transfer::active_canary = Canary::kNone;
  const std::uint64_t seeds = std::ranges::max(kBugs, {}, &Bug::seeds).seeds;
  for (const Search::Broken& broken : search_seeds(seeds, 1).broken)
    FAIL_CHECK("seed " << broken.seed << ": " << broken.breach);
  for (const Bug& bug : kBugs)
    if (const auto broken = bug.by != Bug::By::kCalls ? search_for(bug) : std::nullopt)
      FAIL_CHECK("seed " << broken->seed << " for " << bug.name << ": " << broken->breach);
}

TEST_CASE("canary: every bug that is let in is caught", "[sim]") {
  const Bug bug = GENERATE(from_range(kBugs));
  transfer::active_canary = bug.canary;
  Search search;
  if (bug.by == Bug::By::kCalls)
    search = search_seeds(bug.seeds, 1);
  else if (const auto broken = search_for(bug))
    search.broken.push_back(*broken);
  transfer::active_canary = Canary::kNone;
  INFO(bug.what);
  CHECK_FALSE(search.broken.empty());
  for (const Search::Broken& broken : search.broken)
    std::printf("%s: seed %llu: %s\n", bug.name, static_cast<unsigned long long>(broken.seed), broken.breach.c_str());
}

}  // namespace weft::sim
