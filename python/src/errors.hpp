#pragma once

#include <string>

#include <weft/base/error.hpp>
#include <weft/base/result.hpp>
#include <weft/python/python.hpp>

namespace weft::python {

/// The exception of weft._errors that stands for an Error. With the GIL.
nb::object exception_of(const Error& error);
/// Raises it.
[[noreturn]] void raise(const Error& error);
[[noreturn]] void raise(nb::handle exception);
/// Raises it again, of this call and of this tensor.
[[noreturn]] void say_where(nb::python_error& error, const char* operation, std::string_view name);
[[noreturn]] void raise(ErrorClass kind, std::string operation, std::string message, std::string hint = {});

/// The value, or the exception.
template <class T>
T value_of(Result<T>&& result) {
  if (!result) raise(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace weft::python
