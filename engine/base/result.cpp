#include <weft/base/result.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include <fmt/format.h>

namespace weft {

std::unexpected<Error> fail(ErrorClass kind, std::string operation, std::string message) {
  return std::unexpected<Error>{Error{kind, std::move(operation), std::move(message)}};
}

std::unexpected<Error> fail_errno(int code, std::string operation, std::string message) {
  auto text = std::generic_category().message(code);  // strerror's words, safe from any thread
  const bool silent = message.empty();
  Error error{class_of_errno(code), std::move(operation), silent ? "the system refused" : std::move(message)};
  return std::unexpected<Error>{std::move(error).with_native(code, std::move(text))};
}

ErrorClass class_of_errno(int code) noexcept {
  switch (code) {
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case ENOSPC:
    case EDQUOT:
    case ENOBUFS:
    case EAGAIN:
    case EMLINK:
      return ErrorClass::kResourceExhausted;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case EADDRNOTAVAIL:
      return ErrorClass::kPeerUnreachable;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case ENOTCONN:
    case ESHUTDOWN:
    case ENETRESET:
      return ErrorClass::kPeerLost;
    case ETIMEDOUT:
    case ETIME:
      return ErrorClass::kDeadlineExceeded;
    case ECANCELED:
      return ErrorClass::kCancelled;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorClass::kForbidden;
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case ENOTDIR:
    case ESRCH:
      return ErrorClass::kNotFound;
    case EEXIST:
    case EADDRINUSE:
      return ErrorClass::kExists;
    case ESTALE:
      return ErrorClass::kStale;
    case EINVAL:
    case ENAMETOOLONG:
    case EISDIR:
    case EDOM:
    case ERANGE:
    case EOVERFLOW:
    case EFBIG:
    case EMSGSIZE:
    case EDESTADDRREQ:
      return ErrorClass::kInvalidArgument;
    case EBADMSG:
    case EPROTO:
    case EILSEQ:
      return ErrorClass::kMalformed;
    case ENOSYS:
    case EOPNOTSUPP:
    case EPROTONOSUPPORT:
    case EAFNOSUPPORT:
    case ENOPROTOOPT:
      return ErrorClass::kUnsupported;
    default:
      return ErrorClass::kInternal;  // EBADF, EFAULT, …: our own fault
  }
}

namespace detail {

void abort_with(const Error& error) {
  const auto text = fmt::format("error: {}\nhint: {}\n", error.to_string(), error.hint());
  std::fputs(text.c_str(), stderr);
  std::abort();
}

}  // namespace detail
}  // namespace weft
