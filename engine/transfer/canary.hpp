#pragma once

/// Bugs that the simulator's tests must catch, compiled in only where WEFT_CANARIES is defined (tests/sim builds the
/// core a second time so). Elsewhere WEFT_CANARY(…) is the constant false.
namespace weft::transfer {

enum class Canary {
  kNone,
  kHandBackBeforeQuiet,   ///< a landing is handed back when its exposure is closed, not when it is quiet
  kSkipLastWord,          ///< completes without waiting for `done`
  kTrustOrderOfDone,      ///< completes on `done` without counting arrivals
  kSenderReposts,         ///< the sender posts again by itself after a lost rail
  kReuseSlotEarly,        ///< a slot is reused before its round is quiet
  kAnswerOldIncarnation,  ///< a reference to an earlier incarnation is answered
  kSkipVerification,      ///< leaves are not compared
  kForgetToAttach,        ///< posts from memory that its lane was not told of
  kDeliverTwice,          ///< the exactly-once table is not asked
  kForgetLostCredits,     ///< a credit that was lost with its rail is not said again
  kForgetLostExchanges,   ///< nor is a small request or push
};

#ifdef WEFT_CANARIES
inline Canary active_canary = Canary::kNone;
#define WEFT_CANARY(name) (::weft::transfer::active_canary == ::weft::transfer::Canary::name)
#else
#define WEFT_CANARY(name) false
#endif

}  // namespace weft::transfer
