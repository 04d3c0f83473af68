#include <weft/python/transfer.hpp>

#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include <weft/python/courier.hpp>
#include <weft/python/errors.hpp>
#include <weft/python/mailbox.hpp>

namespace weft::python {
namespace {

// How long a blocked thread goes without looking for signals.
constexpr auto kSlice = std::chrono::milliseconds(50);

TimePoint after(double seconds) {
  if (!(seconds < 1e9)) return kNever;
  return Clock::now() + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::max(0.0, seconds)));
}

nb::object cancelled_error(bool of_asyncio, const char* operation, bool may_have_arrived) {
  if (of_asyncio) {
    nb::object error = nb::module_::import_("asyncio").attr("CancelledError")();
    error.attr("may_have_arrived") = may_have_arrived;
    return error;
  }
  Error error(ErrorClass::kCancelled, operation, "cancelled by the caller");
  return exception_of(may_have_arrived ? std::move(error).with_may_have_arrived() : std::move(error));
}

}  // namespace

Transfer::Transfer(std::shared_ptr<NodeHandle> node, std::shared_ptr<Call> call, const char* operation,
                   nb::object report, bool waits_on_drop)
    : node_(std::move(node)),
      call_(std::move(call)),
      operation_(operation),
      report_(std::move(report)),
      waits_on_drop_(waits_on_drop) {}

Transfer::~Transfer() {
  if (node_->inherited()) {
    leave_alone(std::move(call_));
    return;
  }
  const ErrorAside aside;
  const bool over = call_->done();
  if (!looked_at_ && PyErr_WarnFormat(PyExc_ResourceWarning, 1, "a transfer (%s) was dropped that nobody awaited%s",
                                      operation_, over ? "" : ": it is cancelled") != 0)
    PyErr_WriteUnraisable(nullptr);
  if (settled_) return;
  if (over) {
    call_->give_back();
  } else if (waits_on_drop_) {
    const nb::gil_scoped_release released;
    call_->cancel();
  } else {
    call_->ask_cancel();
  }
}

void Transfer::check_process() const {
  if (node_->inherited()) NodeHandle::refuse_inherited();
}

bool Transfer::done() const { return node_->inherited() || call_->done(); }

/// Makes the value of a call that is done, once.
void Transfer::settle() {
  if (std::exchange(settled_, true)) return;
  if (cancelled_) {
    arrived_ = call_->may_have_arrived();
    call_->give_back();
    failed_ = true;
    outcome_ = cancelled_error(watched_, operation_, arrived_);
    return;
  }
  try {
    outcome_ = call_->take();
  } catch (nb::python_error& error) {
    failed_ = true;
    outcome_ = nb::borrow(error.value());
    error.restore();
    PyErr_Clear();
  }
  report_.reset();
}

bool Transfer::wait(double seconds) {
  check_process();
  const TimePoint until = after(seconds);
  while (!call_->done()) {
    {
      const nb::gil_scoped_release released;
      call_->wait(std::min(until, Clock::now() + kSlice));
    }
    Courier::get().deliver();
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    if (Clock::now() >= until) break;
  }
  return call_->done();
}

nb::object Transfer::result(nb::handle timeout) {
  looked_at_ = true;
  check_process();
  if (!call_->done()) {
    if (report_ && !report_.is_none())
      nb::module_::import_("weft._progress").attr("block")(nb::find(*this), report_, timeout);
    else
      wait(timeout.is_none() ? HUGE_VAL : nb::cast<double>(timeout));
    if (!call_->done()) {
      PyErr_Format(PyExc_TimeoutError, "the transfer (%s) is still running; wait again, or cancel() it", operation_);
      throw nb::python_error();
    }
  }
  settle();
  if (!failed_) return outcome_;
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(outcome_.ptr())), outcome_.ptr());
  throw nb::python_error();
}

nb::object Transfer::exception(nb::handle timeout) {
  looked_at_ = true;
  if (!call_->done()) wait(timeout.is_none() ? HUGE_VAL : nb::cast<double>(timeout));
  if (!call_->done()) return result(nb::float_(0.0));
  settle();
  if (cancelled_) return result(nb::none());  // raises, as futures do
  return failed_ ? outcome_ : nb::none();
}

bool Transfer::cancelled() { return cancelled_ && call_->done(); }

bool Transfer::cancel() {
  looked_at_ = true;
  check_process();
  if (call_->done()) return false;
  cancelled_ = true;
  if (watched_) {
    call_->ask_cancel();  // the loop is told when no write can reach the caller's memory any more
    return true;
  }
  const nb::gil_scoped_release released;
  call_->cancel();
  return true;
}

Progress Transfer::progress() const {
  check_process();
  return call_->progress();
}

std::string Transfer::to_text(const TransferId& id) { return id.sequence == 0 ? std::string() : id.to_string(); }

std::string Transfer::repr() const {
  const char* state = !done() ? "running" : cancelled_ ? "cancelled" : !settled_ ? "done" : failed_ ? "failed" : "done";
  if (node_->inherited()) state = "of another process";
  std::string so_far;
  if (!done()) {
    const Progress now = call_->progress();
    if (now.total != 0) so_far = fmt::format(", {} of {} bytes", now.done, now.total);
  }
  return fmt::format("<weft.Transfer {}: {}{}>", operation_, state, so_far);
}

nb::object Transfer::get_loop() {
  if (!loop_) {
    static PyObject* const running =
        nb::object(nb::module_::import_("asyncio").attr("get_running_loop")).release().ptr();
    loop_ = nb::steal(PyObject_CallNoArgs(running));
    if (!loop_) throw nb::python_error();
  }
  return loop_;
}

void Transfer::call_soon(nb::handle self, const Callback& callback) {
  get_loop().attr("call_soon")(callback.function, self, nb::arg("context") = callback.context);
}

void Transfer::add_done_callback(nb::handle self, nb::object callback, nb::object context) {
  looked_at_ = true;
  check_process();
  get_loop();
  Callback entry{.function = std::move(callback), .context = std::move(context)};
  if (call_->done() && callbacks_.empty()) return call_soon(self, entry);
  if (!watched_) {
    Port& port = Port::of(loop_);
    call_->transfer = self.ptr();
    if (!call_->watch(port.mailbox())) return call_soon(self, entry);
    port.keep(self.ptr());
    watched_ = true;
    if (report_ && !report_.is_none()) nb::module_::import_("weft._progress").attr("follow")(self, report_, loop_);
  }
  callbacks_.push_back(std::move(entry));
}

std::size_t Transfer::remove_done_callback(nb::handle callback) {
  return std::erase_if(callbacks_, [&](const Callback& entry) { return entry.function.equal(callback); });
}

void Transfer::run(nb::handle self, const Callback& callback, nb::handle loop) {
  const bool within = callback.context && !callback.context.is_none();
  if (within && PyContext_Enter(callback.context.ptr()) != 0) throw nb::python_error();
  PyObject* const result = PyObject_CallOneArg(callback.function.ptr(), self.ptr());
  const bool raised = result == nullptr;
  Py_XDECREF(result);
  if (!raised) {
    if (within) PyContext_Exit(callback.context.ptr());
    return;
  }
  nb::python_error error;
  if (within) PyContext_Exit(callback.context.ptr());
  if (!error.matches(PyExc_Exception)) throw error;
  nb::dict told;
  told["message"] = "Exception in a callback of a weft.Transfer";
  told["exception"] = error.value();
  told["future"] = self;
  loop.attr("call_exception_handler")(told);
}

void Transfer::run_callbacks(nb::handle self) {
  auto due = std::exchange(callbacks_, {});
  std::optional<nb::python_error> first;
  for (const Callback& callback : due) {
    try {
      run(self, callback, loop_);
    } catch (nb::python_error& error) {
      if (!first) first.emplace(std::move(error));
    }
  }
  if (first) throw std::move(*first);
}

PyObject* Transfer::next(PyObject* self) {
  looked_at_ = true;
  check_process();
  if (!call_->done()) {
    if (blocking) {
      PyErr_SetString(PyExc_RuntimeError, "await wasn't used with a weft.Transfer");
      return nullptr;
    }
    get_loop();
    blocking = true;
    return Py_NewRef(self);
  }
  settle();
  if (cancelled_) outcome_ = cancelled_error(true, operation_, arrived_);  // as every awaitable says it
  if (failed_) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(outcome_.ptr())), outcome_.ptr());
    return nullptr;
  }
  // An instance, since a value that is a tuple would be taken for the arguments.
  if (PyObject* const stop = PyObject_CallOneArg(PyExc_StopIteration, outcome_.ptr())) {
    PyErr_SetObject(PyExc_StopIteration, stop);
    Py_DECREF(stop);
  }
  return nullptr;
}

void Transfer::raise_in(nb::handle type, nb::handle value) {
  cancel();
  // A task that is cancelled when its wake-up is under way has had the value made, and never sees it.
  if (settled_ && !failed_ && Py_REFCNT(outcome_.ptr()) == 1 && call_->put_back(outcome_)) {
    cancelled_ = failed_ = true;
    outcome_ = cancelled_error(true, operation_, false);
  }
  if (PyExceptionInstance_Check(type.ptr()))
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(type.ptr())), type.ptr());
  else
    PyErr_SetObject(type.ptr(), value.is_none() ? nullptr : value.ptr());
  throw nb::python_error();
}

void Transfer::close() {
  if (!done()) cancel();
}

int Transfer::traverse(visitproc visit, void* arg) const {
  Py_VISIT(report_.ptr());
  Py_VISIT(loop_.ptr());
  Py_VISIT(outcome_.ptr());
  for (const Callback& callback : callbacks_) {
    Py_VISIT(callback.function.ptr());
    Py_VISIT(callback.context.ptr());
  }
  return 0;
}

void Transfer::clear() {
  report_.reset();
  loop_.reset();
  outcome_.reset();
  callbacks_.clear();
}

}  // namespace weft::python
