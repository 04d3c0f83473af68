#pragma once

#include <cstdint>
#include <cstdlib>

namespace weft::sim {

/// What two cores do in the time that the tests have: a sanitizer makes a run twenty times slower.
#if defined(WEFT_SIM_SEEDS)
inline constexpr std::uint64_t kSeeds = WEFT_SIM_SEEDS;
#else
inline constexpr std::uint64_t kSeeds = 20'000;
#endif

/// 1 to `count`, or the one that an environment variable names, to replay it.
struct SeedRange {
  std::uint64_t first = 1, last = 0;
  bool replay = false;
};
inline SeedRange seeds_of(const char* variable, std::uint64_t count) {
  const char* only = std::getenv(variable);
  if (only == nullptr) return {.last = count};
  const std::uint64_t seed = std::strtoull(only, nullptr, 10);
  return {.first = seed, .last = seed, .replay = true};
}

}  // namespace weft::sim
