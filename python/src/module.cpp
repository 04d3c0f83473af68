#include <exception>
#include <typeinfo>

#include <weft/python/courier.hpp>
#include <weft/python/files.hpp>
#include <weft/python/gil.hpp>
#include <weft/python/held.hpp>
#include <weft/python/mailbox.hpp>
#include <weft/python/node.hpp>
#include <weft/python/python.hpp>
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

  module.def("at_exit", [] {
    python::NodeHandle::stop_all();
    python::Courier::get().close();
  });
  module.def("after_fork_in_child", &python::note_fork);
  nb::module_::import_("atexit").attr("register")(module.attr("at_exit"));
  nb::module_::import_("os").attr("register_at_fork")(nb::arg("after_in_child") = module.attr("after_fork_in_child"));
}

/// Before nanobind sets anything up: its state and ours (the courier, the nodes that live) are the process's.
// NOLINTBEGIN(bugprone-reserved-identifier): Python says how it is called
extern "C" NB_EXPORT PyObject* PyInit__weft();
PyObject* PyInit__weft() {
  // NOLINTEND(bugprone-reserved-identifier)
  if (PyInterpreterState_Get() == PyInterpreterState_Main()) return PyInit__weft_module();
  PyErr_SetString(PyExc_ImportError, "weft cannot be imported in a sub-interpreter: use threads or processes");
  return nullptr;
}
