#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <tests/sim/scenario.hpp>

namespace weft::sim {

/// What a search over seeds came to.
struct Search {
  struct Broken {
    std::uint64_t seed = 0;
    std::string breach{};
  };
  std::size_t calls = 0;
  std::size_t succeeded = 0;
  std::vector<Broken> broken{};
};

/// Runs the seeds 1 … `seeds` on two threads until `most_broken` of them have broken an invariant.
Search search_seeds(std::uint64_t seeds, std::size_t most_broken);

/// One run. Here and in a search a seed is printed when the process dies in its run, and when that does not end.
ScenarioResult run_watched(std::uint64_t seed, bool traced = false);

}  // namespace weft::sim
