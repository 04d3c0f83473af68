#include <weft/fabric/fabric_error.hpp>

#include <fmt/format.h>
#include <rdma/fi_errno.h>

#include <cstdlib>

#include <weft/fabric/library.hpp>

namespace weft::fabric {

std::string error_text(int code) {
  code = std::abs(code);
  if (auto library = Library::open()) return (*library)->strerror(code);
  return fmt::format("libfabric code {}", code);
}

ErrorClass class_of_code(int code) noexcept {
  switch (std::abs(code)) {
    case FI_ENODATA:
      return ErrorClass::kNotFound;
    case FI_EADDRINUSE:
      return ErrorClass::kExists;
    case FI_EADDRNOTAVAIL:
      return ErrorClass::kInvalidArgument;
    case FI_EKEYREJECTED:
    case FI_EACCES:
    case FI_EPERM:
      return ErrorClass::kForbidden;
    case FI_ENOKEY:
      return ErrorClass::kExists;
    case FI_ENOSYS:
    case FI_ENOPROTOOPT:
    case FI_EOPNOTSUPP:
      return ErrorClass::kUnsupported;
    case FI_EMSGSIZE:
    case FI_ETOOSMALL:
    case FI_EBADFLAGS:
    case FI_EINVAL:
      return ErrorClass::kInvalidArgument;
    case FI_EOVERRUN:
    case FI_ENORX:
      return ErrorClass::kResourceExhausted;
    case FI_ETRUNC:
    case FI_ECRC:
      return ErrorClass::kMalformed;
    case FI_ECANCELED:
      return ErrorClass::kCancelled;
    case FI_ETIMEDOUT:
    case FI_ECONNREFUSED:
    case FI_EHOSTDOWN:
    case FI_EHOSTUNREACH:
    case FI_ENETUNREACH:
      return ErrorClass::kPeerUnreachable;
    case FI_ECONNRESET:
    case FI_ECONNABORTED:
    case FI_ENOTCONN:
    case FI_ESHUTDOWN:
      return ErrorClass::kPeerLost;
    default:
      return class_of_errno(std::abs(code));
  }
}

Error error_of(int code, std::string operation, std::string message) {
  return Error{class_of_code(code), std::move(operation), std::move(message)}.with_native(std::abs(code),
                                                                                          error_text(code));
}

std::unexpected<Error> fail_code(int code, std::string operation, std::string message) {
  return fail(error_of(code, std::move(operation), std::move(message)));
}

}  // namespace weft::fabric
