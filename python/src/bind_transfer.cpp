#include <weft/python/docs.hpp>
#include <weft/python/gil.hpp>
#include <weft/python/transfer.hpp>

/// weft.Transfer's members.
namespace weft::python {
namespace {

template <auto Member>
PyObject* guarded(PyObject* self) noexcept {
  try {
    return (nb::inst_ptr<Transfer>(self)->*Member)(self);
  } catch (nb::python_error& error) {
    error.restore();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  } catch (const abi::__forced_unwind&) {
    park();
  }
  return nullptr;
}

PyObject* itself(PyObject* self) { return Py_NewRef(self); }

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  return nb::inst_ready(self) ? nb::inst_ptr<Transfer>(self)->traverse(visit, arg) : 0;
}

int clear(PyObject* self) {
  nb::inst_ptr<Transfer>(self)->clear();
  return 0;
}

PyType_Slot slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(&traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(&clear)},
                       {Py_am_await, reinterpret_cast<void*>(&itself)},
                       {Py_tp_iter, reinterpret_cast<void*>(&itself)},
                       {Py_tp_iternext, reinterpret_cast<void*>(&guarded<&Transfer::next>)},
                       {0, nullptr}};

nb::object eta_of(const Progress& progress) {
  if (progress.bytes_per_second <= 0) return nb::none();
  return nb::float_(std::chrono::duration<double>(progress.eta).count());
}

void bind_progress(nb::module_& module) {
  nb::class_<Progress>(module, "Progress", docs::kProgress)
      .def_ro("done", &Progress::done, "Bytes that have arrived.")
      .def_ro("total", &Progress::total, "Bytes in all; 0 while that is not known.")
      .def_ro("bytes_per_second", &Progress::bytes_per_second, "Since its start.")
      .def_prop_ro("eta", &eta_of, "Seconds that are left at that rate; None where it is not known.")
      .def("__repr__", [](const Progress& p) {
        return "Progress(done=" + std::to_string(p.done) + ", total=" + std::to_string(p.total) + ")";
      });
}

}  // namespace

void bind_transfer(nb::module_& module) {
  bind_progress(module);
  nb::class_<Transfer>(module, "Transfer", docs::kTransfer, nb::type_slots(slots), nb::is_weak_referenceable(),
                       nb::is_generic(), nb::is_final())
      .def("result", &Transfer::result, nb::arg("timeout") = nb::none(), docs::kResult)
      .def("exception", &Transfer::exception, nb::arg("timeout") = nb::none(), docs::kException)
      .def("done", &Transfer::done, docs::kDone)
      .def(
          "cancel", [](Transfer& self, nb::object message) { return self.cancel(std::move(message)); },
          nb::arg("msg") = nb::none(), docs::kCancel)
      .def("cancelled", &Transfer::cancelled, docs::kCancelled)
      .def("progress", &Transfer::progress, docs::kProgressOf)
      .def("wait", &Transfer::wait_for, nb::arg("seconds") = nb::none(), docs::kWait)
      .def_prop_ro("id", &Transfer::id, docs::kTransferId)
      .def("__repr__", &Transfer::repr)
      .def("get_loop", &Transfer::get_loop, "The event loop that awaits it, as a future has one.")
      .def(
          "add_done_callback",
          [](nb::handle self, nb::object function, nb::object context) {
            nb::cast<Transfer&>(self).add_done_callback(self, std::move(function), std::move(context));
          },
          nb::arg("function"), nb::kw_only(), nb::arg("context") = nb::none(), docs::kAddDoneCallback)
      .def("remove_done_callback", &Transfer::remove_done_callback, nb::arg("function"),
           "Undoes add_done_callback; how many there were.")
      .def("send",
           [](nb::handle self, const nb::object&) {
             if (PyObject* const given = nb::cast<Transfer&>(self).next(self.ptr())) return nb::steal(given);
             throw nb::python_error();
           })
      .def(
          "throw",
          [](Transfer& self, nb::handle type, nb::handle value, nb::handle) -> nb::object {
            self.raise_in(type, value);
          },
          nb::arg("type"), nb::arg("value") = nb::none(), nb::arg("traceback") = nb::none())
      .def("close", &Transfer::close,
           "What a coroutine does when it is dropped: cancels a transfer that nobody awaits.")
      .def_rw("_asyncio_future_blocking", &Transfer::blocking);
}

}  // namespace weft::python
