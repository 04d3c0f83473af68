#include <weft/nodes/c/fault.hpp>

#include <cerrno>

namespace weft::c {
namespace {

ErrorClass class_of(weftStatus status) noexcept {
  switch (status) {
    case WEFT_ERR_FLOW_NOT_FOUND:
    case WEFT_ERR_NOT_FOUND:
    case WEFT_ERR_NO_FABRIC:
      return ErrorClass::kNotFound;
    case WEFT_ERR_OUT_OF_RANGE_TOO_LATE:
    case WEFT_ERR_STALE:
      return ErrorClass::kStale;
    case WEFT_ERR_TIMEOUT:
      return ErrorClass::kDeadlineExceeded;
    case WEFT_ERR_CONFLICT:
    case WEFT_ERR_EXISTS:
    case WEFT_ERR_ADDRESS_IN_USE:
      return ErrorClass::kExists;
    case WEFT_ERR_PERMISSION_DENIED:
      return ErrorClass::kForbidden;
    case WEFT_ERR_FLOW_INVALID:
      return ErrorClass::kMalformed;
    case WEFT_ERR_INTERRUPTED:
    case WEFT_ERR_CANCELLED:
      return ErrorClass::kCancelled;
    case WEFT_ERR_OUT_OF_RANGE_TOO_EARLY:
    case WEFT_ERR_NOT_READY:
    case WEFT_ERR_REFUSED:
      return ErrorClass::kPeerUnreachable;
    case WEFT_ERR_UNSUPPORTED_OPERATION:
      return ErrorClass::kUnsupported;
    case WEFT_ERR_PEER_LOST:
      return ErrorClass::kPeerLost;
    case WEFT_ERR_INTEGRITY:
      return ErrorClass::kIntegrityFailure;
    case WEFT_ERR_NO_MEMORY:
      return ErrorClass::kResourceExhausted;
    case WEFT_ERR_OVERLOADED:
      return ErrorClass::kOverloaded;
    case WEFT_ERR_SHUTTING_DOWN:
      return ErrorClass::kShuttingDown;
    case WEFT_ERR_UNKNOWN:
    case WEFT_ERR_INTERNAL:
      return ErrorClass::kInternal;
    default:
      return ErrorClass::kInvalidArgument;
  }
}

}  // namespace

weftStatus status_of(const Error& error) noexcept {
  const int native = error.native_code();
  switch (error.kind()) {
    case ErrorClass::kInvalidArgument:
    case ErrorClass::kMalformed:
      return native == EADDRNOTAVAIL ? WEFT_ERR_NO_FABRIC : WEFT_ERR_INVALID_ARG;
    case ErrorClass::kUnauthenticated:
    case ErrorClass::kForbidden:
      return WEFT_ERR_PERMISSION_DENIED;
    case ErrorClass::kNotFound:
      return native == ENODATA || native == ENODEV || native == ENXIO ? WEFT_ERR_NO_FABRIC : WEFT_ERR_NOT_FOUND;
    case ErrorClass::kExists:
      return native == EADDRINUSE ? WEFT_ERR_ADDRESS_IN_USE : WEFT_ERR_EXISTS;
    case ErrorClass::kStale:
      return WEFT_ERR_STALE;
    case ErrorClass::kPeerUnreachable:
      if (native == EADDRNOTAVAIL) return WEFT_ERR_NO_FABRIC;
      return native == ECONNREFUSED ? WEFT_ERR_REFUSED : WEFT_ERR_NOT_READY;
    case ErrorClass::kPeerLost:
      return WEFT_ERR_PEER_LOST;
    case ErrorClass::kDeadlineExceeded:
      return WEFT_ERR_TIMEOUT;
    case ErrorClass::kCancelled:
      return WEFT_ERR_CANCELLED;
    case ErrorClass::kIntegrityFailure:
      return WEFT_ERR_INTEGRITY;
    case ErrorClass::kResourceExhausted:
      return WEFT_ERR_NO_MEMORY;
    case ErrorClass::kOverloaded:
      return WEFT_ERR_OVERLOADED;
    case ErrorClass::kUnsupported:
      return WEFT_ERR_UNSUPPORTED_OPERATION;
    case ErrorClass::kShuttingDown:
      return WEFT_ERR_SHUTTING_DOWN;
    case ErrorClass::kInternal:
      break;
  }
  return WEFT_ERR_INTERNAL;
}

std::unexpected<Fault> refuse(weftStatus status, std::string message, std::string hint) {
  // The boundary puts the function's name before it.
  Error error(class_of(status), "", std::move(message));
  if (!hint.empty()) error = std::move(error).with_hint(std::move(hint));
  return std::unexpected<Fault>(Fault(status, std::move(error)));
}

}  // namespace weft::c
