#include <weft/python/call.hpp>

#include <weft/python/mailbox.hpp>

namespace weft::python {

bool Call::wait(TimePoint until) {
  if (done()) return true;
  drive(until);
  if (done() || Clock::now() >= until) return done();
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, until, [this] { return done(); });
  return done();
}

bool Call::watch(std::shared_ptr<Mailbox> mailbox) {
  const std::lock_guard lock(mutex_);
  if (done()) return false;
  mailbox_ = std::move(mailbox);
  return true;
}

void Call::finish() {
  std::shared_ptr<Mailbox> mailbox;
  {
    const std::lock_guard lock(mutex_);
    done_.store(true, std::memory_order_release);
    mailbox = std::move(mailbox_);
    changed_.notify_all();
  }
  if (mailbox) mailbox->post(shared_from_this());
}

}  // namespace weft::python
