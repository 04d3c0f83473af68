#pragma once

#include <memory>
#include <mutex>
#include <unordered_set>
#include <vector>

#include <weft/base/fd.hpp>
#include <weft/base/result.hpp>
#include <weft/python/call.hpp>
#include <weft/python/python.hpp>

namespace weft::python {

/// Calls that have ended, on their way to an event loop. One eventfd, written when the box was empty: however many
/// calls end meanwhile, the loop wakes up once.
class Mailbox {
 public:
  static Result<std::shared_ptr<Mailbox>> open();
  explicit Mailbox(Fd fd) : fd_(std::move(fd)) {}

  int fd() const noexcept { return fd_.get(); }
  /// Any thread, without the GIL.
  void post(std::shared_ptr<Call> call);
  /// All that have come.
  std::vector<std::shared_ptr<Call>> take();

 private:
  Fd fd_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Call>> calls_;
};

/// A loop's end of a mailbox: what its reader calls. It lies in the loop's attribute `_weft_port` and knows the loop
/// only by what it is called from; it keeps the Transfers that somebody awaits, so that they live until they are done
/// or their loop goes. With the GIL.
class Port {
 public:
  explicit Port(std::shared_ptr<Mailbox> mailbox) : mailbox_(std::move(mailbox)) {}
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  ~Port() { clear(); }

  /// The loop's own, made at its first use.
  static Port& of(nb::handle loop);

  const std::shared_ptr<Mailbox>& mailbox() const noexcept { return mailbox_; }
  void keep(PyObject* transfer);
  /// Runs the done-callbacks of the calls that have ended.
  void drain();

  int traverse(visitproc visit, void* arg) const;
  void clear();

 private:
  std::shared_ptr<Mailbox> mailbox_;
  std::unordered_set<PyObject*> kept_;
};

void bind_port(nb::module_& module);

}  // namespace weft::python
