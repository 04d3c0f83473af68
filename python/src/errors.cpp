#include <weft/python/errors.hpp>

#include <weft/python/gil.hpp>

namespace weft::python {

nb::object exception_of(const Error& error) {
  const ErrorContext& where = error.context();
  const nb::object from_native = nb::module_::import_("weft._errors").attr("from_native");
  const nb::tuple told =
      nb::make_tuple(static_cast<int>(error.kind()), text(error.to_string()), text(error.hint()), error.retryable(),
                     text(error.operation()), text(where.peer), text(where.transfer), text(where.lane),
                     text(where.name), error.native_code(), error.may_have_arrived());
  return call(from_native, told);
}

void raise(const Error& error) { raise(exception_of(error)); }

void raise(nb::handle exception) {
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
  throw nb::python_error();
}

void say_where(nb::python_error& error, const char* operation, std::string_view name) {
  nb::module_::import_("weft._errors").attr("say_where")(error.value(), operation, text(name));
  throw error;
}

void raise(ErrorClass kind, std::string operation, std::string message, std::string hint) {
  Error error(kind, std::move(operation), std::move(message));
  if (!hint.empty()) error = std::move(error).with_hint(std::move(hint));
  raise(error);
}

}  // namespace weft::python
