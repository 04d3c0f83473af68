#include <weft/python/signature.hpp>

namespace weft::python {
namespace {

PyObject* told_by(const char* teller, PyObject* function) noexcept {
  try {
    return nb::module_::import_("weft._signature").attr(teller)(nb::handle(function)).release().ptr();
  } catch (nb::python_error& error) {
    error.restore();
    return nullptr;
  }
}

PyObject* of_function(PyObject* self, void* /*closure*/) { return told_by("of_function", self); }
PyObject* of_bound(PyObject* self, void* /*closure*/) { return told_by("of_bound", self); }

/// nanobind makes these types immutable, to setattr too. They are this extension's alone: it has a domain of its own.
void add(nb::handle type, PyGetSetDef& member) {
  auto* const object = reinterpret_cast<PyTypeObject*>(type.ptr());
  const nb::object descriptor = nb::steal(PyDescr_NewGetSet(object, &member));
  if (!descriptor.is_valid() || PyDict_SetItemString(object->tp_dict, member.name, descriptor.ptr()) != 0)
    throw nb::python_error();
  PyType_Modified(object);
}

}  // namespace

void give_signatures(const nb::module_& module) {
  static PyGetSetDef function{"__signature__", &of_function, nullptr, nullptr, nullptr};
  static PyGetSetDef bound{"__signature__", &of_bound, nullptr, nullptr, nullptr};
  const nb::object method = module.attr("NodeBase").attr("stop");
  add(module.attr("view").type(), function);
  add(method.type(), function);
  add(nb::object(method.attr("__get__")(module)).type(), bound);  // bound to anything
}

}  // namespace weft::python
