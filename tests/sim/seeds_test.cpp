#include <atomic>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <tests/sim/scenario.hpp>

namespace weft::sim {
namespace {

// What two cores do in the time the test has: a sanitizer makes a run twenty times slower.
#if defined(WEFT_SIM_SEEDS)
constexpr std::uint64_t kSeeds = WEFT_SIM_SEEDS;  // with sanitizers
#else
constexpr std::uint64_t kSeeds = 20'000;
#endif
constexpr unsigned kThreads = 2;
constexpr std::size_t kFailuresShown = 5;

}  // namespace

TEST_CASE("simulator: no seed breaks an invariant, and after healing every call succeeds", "[sim]") {
  std::atomic<std::uint64_t> next{1};
  std::atomic<std::size_t> failed{0};
  std::atomic<std::size_t> calls{0};
  std::atomic<std::size_t> succeeded{0};
  std::mutex mutex;
  std::vector<std::string> report;
  const auto work = [&] {
    for (std::uint64_t seed = next++; seed <= kSeeds && failed < kFailuresShown; seed = next++) {
      const ScenarioResult result = run_scenario(seed);
      calls += result.calls;
      succeeded += result.succeeded;
      if (result.breaches.empty()) continue;
      ++failed;
      const std::lock_guard lock(mutex);
      report.push_back("seed " + std::to_string(seed) + ": " + result.breaches.front() +
                       "\n  replay: tests/test_sim --seed " + std::to_string(seed));
    }
  };
  std::vector<std::thread> threads;
  for (unsigned n = 1; n < kThreads; ++n) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  for (const std::string& line : report) UNSCOPED_INFO(line);
  CHECK(report.empty());
  CHECK(succeeded > calls / 2);
}

}  // namespace weft::sim
