#include <exception>
#include <typeinfo>
#include <vector>

#include <weft/python/courier.hpp>
#include <weft/python/files.hpp>
#include <weft/python/gil.hpp>
#include <weft/python/held.hpp>
#include <weft/python/mailbox.hpp>
#include <weft/python/node.hpp>
#include <weft/python/python.hpp>
#include <weft/python/signature.hpp>
#include <weft/python/tensor.hpp>
#include <weft/python/transfer.hpp>

/// The extension weft._weft: what the package weft is made of. Nothing of it is public by itself.
NB_MODULE(_weft_module, module) {
  namespace nb = nanobind;
  namespace python = weft::python;
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    if (!thrown) python::park();  // no exception: the end of this thread
    try {
      std::rethrow_exception(thrown);
    } catch (const std::bad_cast&) {
      PyErr_SetString(PyExc_TypeError, "an argument, or a part of one, is of another type than it must be");
    }
  });
  nb::set_leak_warnings(false);  // an interpreter that ends leaves what its modules held

  python::bind_values(module);
  python::bind_tensor(module);
  python::bind_transfer(module);
  python::bind_port(module);
  python::bind_node(module);
  python::bind_files(module);
  python::give_signatures(module);

  module.def("at_exit", [] {
    python::NodeHandle::stop_all();
    python::Courier::get().close();
  });
  module.def("after_fork_in_child", &python::note_fork);
  nb::module_::import_("atexit").attr("register")(module.attr("at_exit"));
  nb::module_::import_("os").attr("register_at_fork")(nb::arg("after_in_child") = module.attr("after_fork_in_child"));
}

namespace {

/// Runs in the interpreter that imports, before nanobind sets anything up there: its state and ours (the courier, the
/// nodes that live) are the process's, and the GIL guards them.
int refuse_what_is_unsafe(PyObject* /*module*/) {
  if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
    PyErr_SetString(PyExc_ImportError, "weft cannot be imported in a sub-interpreter: use threads or processes");
    return -1;
  }
#ifdef Py_GIL_DISABLED
  // Importing has turned it on, as the extension asks for it, unless the user forbade that.
  PyObject* const asked = PySys_GetObject("_is_gil_enabled");
  PyObject* const enabled = asked == nullptr ? nullptr : PyObject_CallNoArgs(asked);
  const int yes = enabled == nullptr ? -1 : PyObject_IsTrue(enabled);
  Py_XDECREF(enabled);
  if (yes == 0)
    PyErr_SetString(
        PyExc_ImportError,
        "weft needs the GIL, and PYTHON_GIL=0 or -X gil=0 keeps it off: without them importing weft turns it on");
  if (yes < 1) return -1;
#endif
  return 0;
}

}  // namespace

/// nanobind's own definition of the module, with the refusal before it. (A look at the interpreter here would not do:
/// since 3.13 this is called in the main one, whichever imports.)
// NOLINTBEGIN(bugprone-reserved-identifier): Python says how it is called
extern "C" NB_EXPORT PyObject* PyInit__weft();
PyObject* PyInit__weft() {
  // NOLINTEND(bugprone-reserved-identifier)
  PyObject* const made = PyInit__weft_module();
  if (made == nullptr) return nullptr;
  if (!PyObject_TypeCheck(made, &PyModuleDef_Type)) {
    PyErr_SetString(PyExc_ImportError, "weft was built with a nanobind whose modules are set up in one step");
    return nullptr;
  }
  auto* const definition = reinterpret_cast<PyModuleDef*>(made);
  static std::vector<PyModuleDef_Slot> slots;  // Python reads them again at every import
  if (slots.empty()) {
    slots.push_back({Py_mod_exec, reinterpret_cast<void*>(&refuse_what_is_unsafe)});
    for (const PyModuleDef_Slot* slot = definition->m_slots; slot->slot != 0; ++slot) slots.push_back(*slot);
    slots.push_back({0, nullptr});
    definition->m_slots = slots.data();
  }
  return made;
}
