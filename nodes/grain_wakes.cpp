#include <utility>

#include <weft/nodes/grain_states.hpp>
#include <weft/nodes/node_state.hpp>

/// How a target and an initiator wake an actor that waits for them, and how far their end is.
namespace weft::detail {

void TargetState::set_wake(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = wake ? std::make_shared<const std::function<void()>>(std::move(wake)) : nullptr;
}

void TargetState::woken(std::unique_lock<std::mutex>& lock) {
  const auto wake = wake_;
  lock.unlock();
  if (wake) (*wake)();
}

bool TargetState::is_closed() const {
  const std::lock_guard lock(mutex_);
  return closed_ || node_.expired();
}

void InitiatorState::set_wake(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = wake ? std::make_shared<const std::function<void()>>(std::move(wake)) : nullptr;
}

void InitiatorState::woken(std::unique_lock<std::mutex>& lock) {
  const auto wake = wake_;
  lock.unlock();
  if (wake) (*wake)();
}

void InitiatorState::keep(KeepAlive memory) {
  const std::lock_guard lock(mutex_);
  kept_ = std::move(memory);
}

bool InitiatorState::node_has_stopped() const {
  const auto node = node_.lock();
  return !node || node->is_stopped();
}

std::vector<std::size_t> InitiatorState::targets() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::size_t> numbers;
  for (std::size_t number = 0; number < links_.size(); ++number)
    if (!links_[number].removed) numbers.push_back(number);
  return numbers;
}

bool InitiatorState::is_quiet() const {
  const std::lock_guard lock(mutex_);
  return reads_nothing();
}

}  // namespace weft::detail
