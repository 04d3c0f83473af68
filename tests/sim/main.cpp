#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include <malloc.h>

#include <catch2/catch_session.hpp>

#include <tests/sim/canaries.hpp>
#include <tests/sim/search.hpp>

namespace {

using namespace weft::sim;

struct Replay {
  std::uint64_t seed = 0;
  bool traced = false;
};

bool let_in(std::string_view name) {
#ifdef WEFT_CANARIES
  const auto bug = std::ranges::find(kBugs, name, &Bug::name);
  if (bug == kBugs.end()) return false;
  weft::transfer::active_canary = bug->canary;
  return true;
#else
  std::fprintf(stderr, "%.*s: only test_canaries has bugs to let in\n", static_cast<int>(name.size()), name.data());
  return false;
#endif
}

/// `--seed N [--trace] [--canary NAME]`; nothing when that is not what was asked.
std::optional<Replay> replay_of(int argc, char** argv) {
  if (argc < 3 || std::string_view(argv[1]) != "--seed") return std::nullopt;
  Replay replay{.seed = std::strtoull(argv[2], nullptr, 10)};
  for (int i = 3; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--trace")
      replay.traced = true;
    else if (std::string_view(argv[i]) == "--canary" && i + 1 < argc && let_in(argv[i + 1]))
      ++i;
    else
      return std::nullopt;
  }
  return replay;
}

/// Runs the first seeds and prints those that broke.
int search_first(std::uint64_t seeds) {
  const Search search = search_seeds(seeds, seeds);
  std::printf("%zu of %zu calls succeeded\n", search.succeeded, search.calls);
  for (const Search::Broken& broken : search.broken)
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(broken.seed), broken.breach.c_str());
  return search.broken.empty() ? 0 : 1;
}

}  // namespace

/// Catch2's own main, and before it: `--seed N [--trace] [--canary NAME]` replays one run and prints what broke;
/// `--seeds N` runs so many.
int main(int argc, char** argv) {
  // A run takes and drops the same large blocks as the one before: mapping them anew would be half of its time.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  if (const auto replay = replay_of(argc, argv)) {
    const ScenarioResult result = run_watched(replay->seed, replay->traced);
    std::printf("%zu of %zu calls succeeded\n", result.succeeded, result.calls);
    for (const std::string& breach : result.breaches) std::printf("%s\n", breach.c_str());
    return result.breaches.empty() ? 0 : 1;
  }
  if (argc == 3 && std::string_view(argv[1]) == "--seeds") return search_first(std::strtoull(argv[2], nullptr, 10));
  Catch::Session session;
  if (const int bad = session.applyCommandLine(argc, argv); bad != 0) return bad;
  return session.run();
}
