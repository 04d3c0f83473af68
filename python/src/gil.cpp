#include <weft/python/gil.hpp>

#include <unistd.h>

namespace weft::python {

void park() noexcept {
  while (true) ::pause();
}

nb::object call(nb::handle function, nb::handle arguments) {
  PyObject* result = nullptr;
  outlasting([&] { result = PyObject_Call(function.ptr(), arguments.ptr(), nullptr); });
  if (result == nullptr) throw nb::python_error();
  return nb::steal(result);
}

void warn_of_drop(const std::string& words) noexcept {
  outlasting([&] {
    if (PyErr_WarnEx(PyExc_ResourceWarning, words.c_str(), 1) != 0) PyErr_WriteUnraisable(nullptr);
  });
}

}  // namespace weft::python
