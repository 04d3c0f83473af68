#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <weft/base/result.hpp>

namespace weft::fabric {

/// libfabric's text for a code of either sign; the number when libfabric is not there.
std::string error_text(int code);

/// The class a libfabric code (either sign) belongs to: ECONNREFUSED → PeerUnreachable, ENOMEM and EMFILE →
/// ResourceExhausted, ENODATA (no such interface) → NotFound, EKEYREJECTED → Forbidden, …
ErrorClass class_of_code(int code) noexcept;

/// A failed libfabric call: class, operation, code and text.
Error error_of(int code, std::string operation, std::string message = {});
std::unexpected<Error> fail_code(int code, std::string operation, std::string message = {});

/// Calls a libfabric function and turns a negative return into an Error; other values are passed on.
template <class Function, class... Arguments>
Result<int> fi_call(Function&& function, std::string_view operation, Arguments&&... arguments) {
  const auto code = static_cast<int>(std::forward<Function>(function)(std::forward<Arguments>(arguments)...));
  if (code < 0) return fail_code(code, std::string{operation});
  return code;
}

}  // namespace weft::fabric
