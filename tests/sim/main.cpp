#include <cstdint>
#include <cstdio>
#include <string>

#include <malloc.h>

#include <catch2/catch_session.hpp>

#include <tests/sim/scenario.hpp>

/// Catch2's own main, and before it: `--seed N [--trace]` replays one run and prints what broke.
int main(int argc, char** argv) {
  // A run takes and drops the same large blocks as the one before: mapping them anew would be half of its time.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  if ((argc == 3 || argc == 4) && std::string(argv[1]) == "--seed") {
    const bool traced = argc == 4 && std::string(argv[3]) == "--trace";
    const weft::sim::ScenarioResult result = weft::sim::run_scenario(std::stoull(argv[2]), traced);
    std::printf("%zu of %zu calls succeeded\n", result.succeeded, result.calls);
    for (const std::string& breach : result.breaches) std::printf("%s\n", breach.c_str());
    return result.breaches.empty() ? 0 : 1;
  }
  return Catch::Session().run(argc, argv);
}
