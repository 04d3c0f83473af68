#pragma once

#include <cstdint>

#include <weft/actors/caf.hpp>
#include <weft/base/error.hpp>

namespace weft::actors {

/// The context of a caf::error that an actor of Weft's answers with.
struct Failure {
  Error error{ErrorClass::kInternal, "message", "nothing failed"};
};
/// Its code: one more than the ErrorClass, for CAF takes a code of 0 for no error.
enum class FailureCode : std::uint8_t {};
/// The answer to what has nothing else to tell; where an answer is asked for (a request), not to a message that is
/// sent.
struct Done {};

}  // namespace weft::actors

WEFT_MESSAGES_BEGIN(weft_errors, 4300)
WEFT_MESSAGE(weft_errors, weft::actors::Failure)
WEFT_MESSAGE(weft_errors, weft::actors::Done)
#if CAF_VERSION < 1800
CAF_ERROR_CODE_ENUM(weft::actors::FailureCode, "weft")
#else
WEFT_MESSAGE(weft_errors, weft::actors::FailureCode)
CAF_ERROR_CODE_ENUM(weft::actors::FailureCode)
#endif
WEFT_MESSAGES_END(weft_errors)

namespace weft::actors {

/// What went wrong, as every other face of Weft tells it: class, message, peer, hint. What CAF says itself comes out as
/// DeadlineExceeded (a request's time-out), ShuttingDown (the actor has ended) or else Internal.
Error error_of(const caf::error& error);

/// The way back, for an actor that answers for Weft's.
caf::error to_caf(Error error);

}  // namespace weft::actors
