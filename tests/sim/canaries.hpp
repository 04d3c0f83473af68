#pragma once

#include <array>
#include <cstdint>

#include <weft/transfer/canary.hpp>

namespace weft::sim {

/// A bug that can be let into the core.
struct Bug {
  transfer::Canary canary;
  const char* name;  ///< on the command line
  const char* what;
  std::uint64_t seeds;  ///< within which it must be caught
  enum class By : std::uint8_t {
    kCalls,
    kGrains,     ///< with rails that carry messages
    kExchanges,  ///< small calls over such rails
  };
  By by = By::kCalls;
};

inline constexpr std::array kBugs{
    Bug{transfer::Canary::kHandBackBeforeQuiet, "hand-back-before-quiet", "a landing handed back before it is quiet",
        400},
    Bug{transfer::Canary::kSkipLastWord, "skip-last-word", "the last word not waited for", 400},
    Bug{transfer::Canary::kTrustOrderOfDone, "trust-order-of-done", "the order of done trusted", 400},
    Bug{transfer::Canary::kSenderReposts, "sender-reposts", "the sender posting again by itself", 20000},
    Bug{transfer::Canary::kReuseSlotEarly, "reuse-slot-early", "a slot reused before it is quiet", 400},
    Bug{transfer::Canary::kAnswerOldIncarnation, "answer-old-incarnation", "an old incarnation answered", 4000},
    Bug{transfer::Canary::kSkipVerification, "skip-verification", "digests not compared", 400},
    Bug{transfer::Canary::kForgetToAttach, "forget-to-attach", "memory posted that was not attached", 400},
    Bug{transfer::Canary::kDeliverTwice, "deliver-twice", "the exactly-once table not asked", 400},
    Bug{transfer::Canary::kForgetLostCredits, "forget-lost-credits", "a credit lost with its rail not said again", 400,
        Bug::By::kGrains},
    Bug{transfer::Canary::kForgetLostExchanges, "forget-lost-exchanges",
        "a small request or push lost with its rail not said again", 20, Bug::By::kExchanges}};

}  // namespace weft::sim
