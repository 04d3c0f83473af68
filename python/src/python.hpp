#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nanobind/nanobind.h>
// Everywhere or nowhere: without them a string would be cast as a bound class.
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

/// What every file of the extension needs of Python.
namespace weft::python {

namespace nb = nanobind;

/// Text of the engine's, which is UTF-8 but may come from a peer: what is not is replaced.
inline nb::object text(std::string_view utf8) {
  return nb::steal(PyUnicode_DecodeUTF8(utf8.data(), static_cast<Py_ssize_t>(utf8.size()), "replace"));
}

/// Such text as Python writes a string down, quotes and all: what a peer says moves no cursor.
inline std::string repr_of(std::string_view utf8) {
  const nb::object shown = nb::repr(text(utf8));
  Py_ssize_t size = 0;
  const char* const words = PyUnicode_AsUTF8AndSize(shown.ptr(), &size);
  if (words == nullptr) throw nb::python_error();
  return {words, static_cast<std::size_t>(size)};
}

/// Puts the exception that is being raised aside for as long as this lives: for what runs while an object dies.
class ErrorAside {
 public:
  ErrorAside() { PyErr_Fetch(&type_, &value_, &traceback_); }
  ErrorAside(const ErrorAside&) = delete;
  ErrorAside& operator=(const ErrorAside&) = delete;
  ~ErrorAside() { PyErr_Restore(type_, value_, traceback_); }

 private:
  PyObject *type_ = nullptr, *value_ = nullptr, *traceback_ = nullptr;
};

/// A ResourceWarning, from where no exception may come.
void warn_of_drop(const std::string& words) noexcept;

}  // namespace weft::python
