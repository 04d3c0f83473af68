#pragma once

#include <expected>
#include <string>
#include <utility>

#include <weft/nodes/c/weft.h>
#include <weft/base/result.hpp>

namespace weft::c {

/// The status that a class of errors is to C callers, told apart by its native code where a class has several causes.
weftStatus status_of(const Error& error) noexcept;

/// Why a C function fails: its status, and the error that weftLastError tells. An Error becomes one by itself.
struct Fault {
  weftStatus status = WEFT_ERR_INTERNAL;
  Error error;
  Fault(Error of) : status(status_of(of)), error(std::move(of)) {}  // NOLINT(google-explicit-constructor)
  Fault(weftStatus is, Error of) : status(is), error(std::move(of)) {}
};

template <class T>
using Outcome = std::expected<T, Fault>;

/// A failure with a status that no class of errors has.
std::unexpected<Fault> refuse(weftStatus status, std::string message, std::string hint = {});
inline std::unexpected<Fault> bad_argument(std::string message, std::string hint = {}) {
  return refuse(WEFT_ERR_INVALID_ARG, std::move(message), std::move(hint));
}

}  // namespace weft::c

/// WEFT_TRY and WEFT_LET for functions that give an Outcome; of Results too.
#define WEFT_C_TRY(...)                                                               \
  do {                                                                                \
    if (auto weft_outcome_ = (__VA_ARGS__); !weft_outcome_)                           \
      return ::std::unexpected<::weft::c::Fault>{::std::move(weft_outcome_).error()}; \
  } while (false)
#define WEFT_C_LET(declaration, ...)                                                                       \
  auto WEFT_DETAIL_CAT(weft_let_, __LINE__) = (__VA_ARGS__);                                               \
  if (!WEFT_DETAIL_CAT(weft_let_, __LINE__))                                                               \
    return ::std::unexpected<::weft::c::Fault>{::std::move(WEFT_DETAIL_CAT(weft_let_, __LINE__)).error()}; \
  declaration = ::std::move(*WEFT_DETAIL_CAT(weft_let_, __LINE__))
