#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <weft/python/call.hpp>
#include <weft/python/node_handle.hpp>
#include <weft/python/python.hpp>

namespace weft::python {

/// weft.Transfer: a call as Python sees it, already running. It speaks concurrent.futures' language to who blocks and
/// asyncio.Future's to who awaits, so that event loops, gather and wait_for take it as it is, without a task around
/// it. With the GIL, but for what it waits for.
class Transfer {
 public:
  Transfer(std::shared_ptr<NodeHandle> node, std::shared_ptr<Call> call, const char* operation, nb::object report,
           bool quiet_on_drop);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer();

  bool done() const;
  bool cancelled();
  nb::object result(nb::handle timeout);
  nb::object exception(nb::handle timeout);
  bool cancel(nb::object message = {});
  Progress progress() const;
  std::string id() const { return to_text(call_->id()); }
  std::string repr() const;
  /// Blocks until it is done or the time has passed, whichever comes first; signals are looked at meanwhile.
  bool wait(double seconds);
  bool wait_for(nb::handle seconds) { return wait(bound_of(seconds, "seconds")); }

  // asyncio's side.
  nb::object get_loop();
  void add_done_callback(nb::handle self, nb::object callback, nb::object context);
  std::size_t remove_done_callback(nb::handle callback);
  /// One step of `await`: itself while it is under way; null with StopIteration when it is done.
  PyObject* next(PyObject* self);
  [[noreturn]] void raise_in(nb::handle type, nb::handle value);
  void close();
  bool blocking = false;  ///< _asyncio_future_blocking
  /// What the loop's port calls when it is done. Raises what is no Exception only.
  void run_callbacks(nb::handle self);

  int traverse(visitproc visit, void* arg) const;
  void clear();

 private:
  struct Callback {
    nb::object function, context;
  };
  static std::string to_text(const TransferId& id);
  void check_process() const;
  static double bound_of(nb::handle seconds, const char* argument);
  [[noreturn]] void raise_cancelled() const;
  nb::object asyncio_error() const;
  void wait_for_end(nb::handle timeout);
  void settle();
  void settle_once();
  void call_soon(nb::handle self, const Callback& callback);
  static void run(nb::handle self, const Callback& callback, nb::handle loop);

  std::shared_ptr<NodeHandle> node_;
  std::shared_ptr<Call> call_;
  const char* operation_;
  nb::object report_;          ///< progress=: True or a callable; null: none, or it has been told the last word
  nb::object loop_, outcome_;  ///< the value, or the exception
  nb::object message_;         ///< of cancel
  std::vector<Callback> callbacks_;
  bool waits_on_drop_;         ///< the caller's memory is written: dropping it returns when it is not any more
  std::thread::id settler_{};  ///< who makes the value; what of Python runs meanwhile may let others in
  int settle_waiters_ = 0;
  std::atomic<bool> settled_{false};  ///< outcome_ and failed_ say what they will say
  bool failed_ = false, cancelled_ = false;
  bool arrived_ = false;    ///< of one that was cancelled: the push may be there all the same
  bool looked_at_ = false;  ///< somebody awaited, blocked or cancelled
  bool watched_ = false;
};

void bind_transfer(nb::module_& module);

}  // namespace weft::python
