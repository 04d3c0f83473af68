#pragma once

#include <cstddef>
#include <cstring>
#include <exception>
#include <new>
#include <string_view>
#include <utility>

#include <weft/nodes/c/fault.hpp>

/// Where C calls in: what a function's body refuses or throws becomes a status and this thread's last failure.
namespace weft::c {

/// Notes a failure of `function` for weftLastError, and gives its status.
weftStatus remember(const char* function, const Fault& fault) noexcept;
weftStatus remember(const char* function, weftStatus status, const char* what) noexcept;

/// Runs a body that gives an Outcome<void>. No exception passes.
template <class Body>
weftStatus guarded(const char* function, Body&& body) noexcept {
  try {
    const Outcome<void> outcome = std::forward<Body>(body)();
    return outcome ? WEFT_STATUS_OK : remember(function, outcome.error());
  } catch (const std::bad_alloc&) {
    return remember(function, WEFT_ERR_NO_MEMORY, "no memory");
  } catch (const std::exception& what) {
    return remember(function, WEFT_ERR_INTERNAL, what.what());
  } catch (...) {
    return remember(function, WEFT_ERR_UNKNOWN, "something unknown was thrown");
  }
}

template <class... Pointers>
Outcome<void> not_null(const Pointers*... pointers) {
  if ((!pointers || ...)) return bad_argument("a pointer that is required is NULL");
  return {};
}

/// Two-call sizing: the text and its NUL into `out` of *size bytes. STRLEN when they do not fit; *size is what they
/// take in every case.
Outcome<void> text_out(std::string_view text, char* out, std::size_t* size);

/// Fills a struct of the caller's, of the size that it was compiled with, from ours; its structSize stays.
template <class T>
Outcome<void> struct_out(T value, T* out) {
  const std::size_t theirs = out->structSize;
  if (theirs < sizeof(std::size_t)) return bad_argument("structSize is not set", "set it to sizeof of the struct");
  value.structSize = theirs;
  std::memcpy(out, &value, theirs < sizeof(T) ? theirs : sizeof(T));
  return {};
}

/// What a caller's struct holds; fields that it does not have are zero.
template <class T>
Outcome<T> struct_in(const T* in) {
  if (in->structSize < sizeof(std::size_t))
    return bad_argument("structSize is not set", "set it to sizeof of the struct");
  T value{};
  std::memcpy(&value, in, in->structSize < sizeof(T) ? in->structSize : sizeof(T));
  return value;
}

}  // namespace weft::c
