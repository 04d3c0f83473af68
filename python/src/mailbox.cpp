#include <weft/python/mailbox.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include <weft/python/courier.hpp>
#include <weft/python/errors.hpp>
#include <weft/python/transfer.hpp>

namespace weft::python {

Result<std::shared_ptr<Mailbox>> Mailbox::open() {
  Fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) return fail_errno(errno, "eventfd");
  return std::make_shared<Mailbox>(std::move(fd));
}

void Mailbox::post(std::shared_ptr<Call> call) {
  const std::lock_guard lock(mutex_);
  calls_.push_back(std::move(call));
  if (calls_.size() > 1) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);
}

std::vector<std::shared_ptr<Call>> Mailbox::take() {
  std::uint64_t count = 0;
  const std::lock_guard lock(mutex_);
  [[maybe_unused]] const auto got = ::read(fd_.get(), &count, sizeof count);
  return std::exchange(calls_, {});
}

Port& Port::of(nb::handle loop) {
  static PyObject* const name = PyUnicode_InternFromString("_weft_port");
  if (PyObject* const found = PyObject_GetAttr(loop.ptr(), name)) {
    const nb::object port = nb::steal(found);  // the loop keeps it
    return nb::cast<Port&>(port);
  }
  if (!PyErr_ExceptionMatches(PyExc_AttributeError)) throw nb::python_error();
  PyErr_Clear();
  const nb::object port = nb::cast(new Port(value_of(Mailbox::open())), nb::rv_policy::take_ownership);
  auto& made = nb::cast<Port&>(port);
  loop.attr("add_reader")(made.mailbox_->fd(), port.attr("drain"));
  if (PyObject_SetAttr(loop.ptr(), name, port.ptr()) != 0) throw nb::python_error();
  return made;
}

void Port::keep(PyObject* transfer) {
  if (kept_.insert(transfer).second) Py_INCREF(transfer);
}

void Port::drain() {
  std::optional<nb::python_error> first;
  for (const auto& call : mailbox_->take()) {
    PyObject* const self = call->transfer;
    if (kept_.erase(self) == 0) continue;
    const nb::object transfer = nb::steal(self);
    try {
      nb::cast<Transfer&>(transfer).run_callbacks(transfer);
    } catch (nb::python_error& error) {  // an exit; the others have come too
      if (!first) first.emplace(std::move(error));
    }
  }
  Courier::get().deliver();
  if (first) throw std::move(*first);
}

int Port::traverse(visitproc visit, void* arg) const {
  for (PyObject* transfer : kept_) Py_VISIT(transfer);
  return 0;
}

void Port::clear() {
  for (PyObject* transfer : std::exchange(kept_, {})) Py_DECREF(transfer);
}

void bind_port(nb::module_& module) {
  static PyType_Slot slots[] = {
      {Py_tp_traverse, reinterpret_cast<void*>(+[](PyObject* self, visitproc visit, void* arg) -> int {
         Py_VISIT(Py_TYPE(self));
         return nb::inst_ready(self) ? nb::inst_ptr<Port>(self)->traverse(visit, arg) : 0;
       })},
      {Py_tp_clear, reinterpret_cast<void*>(+[](PyObject* self) -> int {
         nb::inst_ptr<Port>(self)->clear();
         return 0;
       })},
      {0, nullptr}};
  nb::class_<Port>(module, "Port", nb::type_slots(slots)).def("drain", &Port::drain);
}

}  // namespace weft::python
