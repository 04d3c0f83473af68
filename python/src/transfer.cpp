#include <weft/python/transfer.hpp>

#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>

#include <fmt/format.h>

#include <weft/python/arguments.hpp>
#include <weft/python/courier.hpp>
#include <weft/python/errors.hpp>
#include <weft/python/gil.hpp>
#include <weft/python/mailbox.hpp>

namespace weft::python {
namespace {

// How long a blocked thread goes without looking for signals.
constexpr auto kSlice = std::chrono::milliseconds(50);

// Of all transfers: two threads seldom come for one value at the very same time.
struct Settling {
  std::mutex mutex{};
  std::condition_variable changed{};
};
Settling& settling() {
  static auto* const all = new Settling();
  return *all;
}

TimePoint after(double seconds) {
  if (!(seconds < 1e9)) return kNever;
  return Clock::now() + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::max(0.0, seconds)));
}

nb::object cancelled_error(const char* operation, bool may_have_arrived) {
  Error error(ErrorClass::kCancelled, operation, "cancelled by the caller");
  return exception_of(may_have_arrived ? std::move(error).with_may_have_arrived() : std::move(error));
}

/// Null where there is none.
nb::object running_loop() {
  // Whoever has a loop has imported it.
  PyObject* const events = PyDict_GetItemString(PyImport_GetModuleDict(), "asyncio.events");
  if (events == nullptr) return {};
  nb::object loop = nb::borrow(events).attr("_get_running_loop")();
  return loop.is_none() ? nb::object() : loop;
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
  if (!looked_at_)
    warn_of_drop(
        fmt::format("a transfer ({}) was dropped that nobody awaited{}", operation_, over ? "" : ": it is cancelled"));
  if (settled_) return;
  if (over) {
    call_->give_back();
  } else if (waits_on_drop_) {
    const GilReleased released;
    call_->cancel();
  } else {
    call_->ask_cancel();
  }
}

void Transfer::check_process() const {
  if (node_->inherited()) NodeHandle::refuse_inherited();
}

bool Transfer::done() const { return node_->inherited() || call_->done(); }

/// Makes the value of a call that is done. Whoever comes while another thread makes it waits for it.
void Transfer::settle() {
  while (!settled_.load(std::memory_order_acquire)) {
    if (settler_ == std::thread::id{}) return settle_once();
    if (settler_ == std::this_thread::get_id()) {
      PyErr_SetString(PyExc_RuntimeError, "this transfer's value is being made by what asks for it");
      throw nb::python_error();
    }
    ++settle_waiters_;
    {
      const GilReleased released;
      std::unique_lock lock(settling().mutex);
      settling().changed.wait_for(lock, kSlice, [this] { return settled_.load(std::memory_order_acquire); });
    }
    --settle_waiters_;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
  }
}

void Transfer::settle_once() {
  settler_ = std::this_thread::get_id();
  bool failed = true;
  nb::object outcome;
  try {
    if (cancelled_) {
      arrived_ = call_->may_have_arrived();
      call_->give_back();
      outcome = cancelled_error(operation_, arrived_);
    } else {
      outcome = call_->take();
      failed = false;
    }
  } catch (nb::python_error& error) {
    outcome = nb::borrow(error.value());
    error.restore();
    PyErr_Clear();
  } catch (const std::exception& error) {
    outcome = nb::borrow(PyExc_RuntimeError)(error.what());
  }
  failed_ = failed;
  outcome_ = std::move(outcome);
  // Pairs with the acquire in settle's wait.
  settled_.store(true, std::memory_order_release);
  settler_ = {};
  if (settle_waiters_ == 0) return;
  const std::lock_guard lock(settling().mutex);  // held for a moment only, and by nobody who waits for the GIL
  settling().changed.notify_all();
}

bool Transfer::wait(double seconds) {
  check_process();
  const TimePoint until = after(seconds);
  while (!call_->done()) {
    {
      const GilReleased released;
      call_->wait(std::min(until, Clock::now() + kSlice));
    }
    Courier::get().deliver();
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    if (Clock::now() >= until) break;
  }
  return call_->done();
}

/// Reports meanwhile, and the last word where it has ended already. TimeoutError.
void Transfer::wait_for_end(nb::handle timeout) {
  looked_at_ = true;
  check_process();
  const double seconds = bound_of(timeout, "timeout");
  if (report_) {
    nb::object report = std::exchange(report_, {});  // one that raises is not called again
    nb::module_::import_("weft._progress").attr("block")(nb::find(*this), report, seconds);
    if (!call_->done()) report_ = std::move(report);
  } else if (!call_->done()) {
    wait(seconds);
  }
  if (call_->done()) return;
  PyErr_Format(PyExc_TimeoutError, "the transfer (%s) is still running; wait again, or cancel() it", operation_);
  throw nb::python_error();
}

double Transfer::bound_of(nb::handle seconds, const char* argument) {
  return seconds.is_none() ? HUGE_VAL : seconds_of(seconds, argument);
}

nb::object Transfer::asyncio_error() const {
  const nb::object kind = nb::module_::import_("asyncio").attr("CancelledError");
  nb::object error = message_ ? kind(message_) : kind();
  error.attr("may_have_arrived") = arrived_;
  return error;
}

/// asyncio's to what runs in a loop, ours to a thread that blocks.
void Transfer::raise_cancelled() const { raise(running_loop() ? asyncio_error() : outcome_); }

nb::object Transfer::result(nb::handle timeout) {
  wait_for_end(timeout);
  settle();
  if (cancelled_) raise_cancelled();
  nb::object outcome = outcome_;
  if (!failed_) return outcome;
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(outcome.ptr())), outcome.ptr());
  throw nb::python_error();
}

nb::object Transfer::exception(nb::handle timeout) {
  wait_for_end(timeout);
  settle();
  if (cancelled_) raise_cancelled();  // as futures do
  return failed_ ? outcome_ : nb::none();
}

bool Transfer::cancelled() { return cancelled_ && call_->done(); }

bool Transfer::cancel(nb::object message) {
  looked_at_ = true;
  check_process();
  if (call_->done()) return false;
  if (!cancelled_ && message && !message.is_none()) message_ = std::move(message);
  cancelled_ = true;
  if (watched_) {
    call_->ask_cancel();  // the loop is told when no write can reach the caller's memory any more
    return true;
  }
  const GilReleased released;
  call_->cancel();
  return true;
}

Progress Transfer::progress() const {
  check_process();
  return call_->progress();
}

std::string Transfer::to_text(const TransferId& id) { return id.sequence == 0 ? std::string() : id.to_string(); }

std::string Transfer::repr() const {
  const char* state = !done() ? "running" : cancelled_ ? "cancelled" : settled_ && failed_ ? "failed" : "done";
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
    nb::object loop = nb::steal(PyObject_CallNoArgs(running));
    if (!loop) {
      PyErr_Clear();
      PyErr_SetString(PyExc_RuntimeError,
                      "no running event loop: await a weft.Transfer in a coroutine, which run_until_complete() takes, "
                      "or block on its result()");
      throw nb::python_error();
    }
    loop_ = std::move(loop);
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
    if (report_)
      nb::module_::import_("weft._progress").attr("follow")(self, nb::object(std::exchange(report_, {})), loop_);
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
    const nb::object here = loop_ ? running_loop() : nb::object();
    if (here && !here.is(get_loop())) {
      PyErr_SetString(PyExc_RuntimeError,
                      "another event loop awaits this weft.Transfer: block on its result() in a thread, "
                      "asyncio.to_thread(t.result)");
      return nullptr;
    }
    get_loop();
    blocking = true;
    return Py_NewRef(self);
  }
  if (report_) wait_for_end(nb::none());  // it had ended before anybody awaited it: the last word
  settle();
  const nb::object outcome = cancelled_ ? asyncio_error() : outcome_;  // as every awaitable says it
  if (failed_) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(outcome.ptr())), outcome.ptr());
    return nullptr;
  }
  // An instance, since a value that is a tuple would be taken for the arguments.
  if (PyObject* const stop = PyObject_CallOneArg(PyExc_StopIteration, outcome.ptr())) {
    PyErr_SetObject(PyExc_StopIteration, stop);
    Py_DECREF(stop);
  }
  return nullptr;
}

void Transfer::raise_in(nb::handle type, nb::handle value) {
  // What ends its task ends it; what only went wrong there does not.
  const nb::handle kind = PyExceptionInstance_Check(type.ptr()) ? type.type() : type;
  if (PyObject_IsSubclass(kind.ptr(), PyExc_Exception) == 0) {
    cancel();
    // A task that is cancelled when its wake-up is under way has had the value made, and never sees it.
    if (settled_ && !failed_ && Py_REFCNT(outcome_.ptr()) == 1 && call_->put_back(outcome_)) {
      cancelled_ = failed_ = true;
      outcome_ = cancelled_error(operation_, arrived_);
    }
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
  Py_VISIT(message_.ptr());
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
  message_.reset();
  callbacks_.clear();
}

}  // namespace weft::python
