#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <weft/transfer/canary.hpp>

#include <tests/sim/scenario.hpp>

namespace weft::sim {
namespace {

using transfer::Canary;

struct Bug {
  Canary canary;
  const char* name;
  std::uint64_t seeds;  ///< within which it must be caught
};

/// The first seed of 1 … `seeds` that breaks an invariant; 0 when none does.
std::uint64_t first_caught(std::uint64_t seeds) {
  std::atomic<std::uint64_t> next{1};
  std::atomic<std::uint64_t> caught{0};
  const auto work = [&] {
    for (std::uint64_t seed = next++; seed <= seeds && caught == 0; seed = next++)
      if (!run_scenario(seed).breaches.empty()) caught = seed;
  };
  std::thread other(work);
  work();
  other.join();
  return caught;
}

constexpr std::uint64_t kSeeds = 400;

}  // namespace

TEST_CASE("canary: without a bug the same seeds pass", "[sim]") {
  transfer::active_canary = Canary::kNone;
  CHECK(first_caught(kSeeds) == 0);
}

TEST_CASE("canary: every bug that is let in is caught", "[sim]") {
  const Bug bug = GENERATE(Bug{Canary::kHandBackBeforeQuiet, "a landing handed back before it is quiet", kSeeds},
                           Bug{Canary::kSkipLastWord, "the last word not waited for", kSeeds},
                           Bug{Canary::kTrustOrderOfDone, "the order of done trusted", kSeeds},
                           Bug{Canary::kSenderReposts, "the sender posting again by itself", 10 * kSeeds},
                           Bug{Canary::kReuseSlotEarly, "a slot reused before it is quiet", kSeeds},
                           Bug{Canary::kAnswerOldIncarnation, "an old incarnation answered", kSeeds},
                           Bug{Canary::kSkipVerification, "digests not compared", kSeeds},
                           Bug{Canary::kDeliverTwice, "the exactly-once table not asked", kSeeds});
  transfer::active_canary = bug.canary;
  const std::uint64_t caught = first_caught(bug.seeds);
  transfer::active_canary = Canary::kNone;
  INFO(bug.name);
  UNSCOPED_INFO(bug.name << ": caught by seed " << caught);
  CHECK(caught != 0);
}

}  // namespace weft::sim
