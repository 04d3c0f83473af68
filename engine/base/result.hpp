#pragma once

#include <expected>
#include <string>
#include <utility>

#include <weft/base/error.hpp>

namespace weft {

template <class T>
using Result = std::expected<T, Error>;

/// `return fail(ErrorClass::kMalformed, "ticket", "the checksum does not match");`
inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>{std::move(error)}; }
std::unexpected<Error> fail(ErrorClass kind, std::string operation, std::string message);
/// A failed system call: the class is derived from `code` (an errno), its text is strerror's.
std::unexpected<Error> fail_errno(int code, std::string operation, std::string message = {});
/// The class an errno belongs to: ENOMEM, EMFILE, ENOSPC → ResourceExhausted; ECONNREFUSED → PeerUnreachable; …
ErrorClass class_of_errno(int code) noexcept;

namespace detail {
[[noreturn]] void abort_with(const Error& error);
}

/// The value; or prints "error: …" and "hint: …" to stderr and aborts. For main() and examples.
template <class T>
T unwrap(Result<T>&& result) {
  if (!result) detail::abort_with(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace weft

/// `WEFT_TRY(expression)`: returns the error of a Result<void> from the enclosing function, or goes on.
#define WEFT_TRY(...)                                                             \
  do {                                                                            \
    if (auto weft_result_ = (__VA_ARGS__); !weft_result_)                         \
      return ::std::unexpected<::weft::Error>{::std::move(weft_result_).error()}; \
  } while (false)

#define WEFT_DETAIL_CAT2(a, b) a##b
#define WEFT_DETAIL_CAT(a, b) WEFT_DETAIL_CAT2(a, b)
/// `WEFT_LET(auto x, expression);` declares x with the value of a Result, or returns its error.
#define WEFT_LET(declaration, ...)                                                                      \
  auto WEFT_DETAIL_CAT(weft_let_, __LINE__) = (__VA_ARGS__);                                            \
  if (!WEFT_DETAIL_CAT(weft_let_, __LINE__))                                                            \
    return ::std::unexpected<::weft::Error>{::std::move(WEFT_DETAIL_CAT(weft_let_, __LINE__)).error()}; \
  declaration = ::std::move(*WEFT_DETAIL_CAT(weft_let_, __LINE__))
