#include <utility>

#include <weft/nodes/grain_states.hpp>
#include <weft/nodes/node_state.hpp>

/// How a target and an initiator wake who waits for them, and how far their end is.
namespace weft::detail {

void TargetState::set_wake(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = wake ? std::make_shared<const std::function<void()>>(std::move(wake)) : nullptr;
}

void TargetState::woken(std::unique_lock<std::mutex>& lock) {
  const auto wake = wake_;
  const bool serves = to_be_served();
  lock.unlock();
  if (wake) (*wake)();
  if (serves) serve();
}

bool TargetState::is_closed() const {
  const std::lock_guard lock(mutex_);
  return closed_ || node_.expired();
}

std::optional<Error> TargetState::over() const {
  if (options_.on_grain)
    return Error(ErrorClass::kInvalidArgument, "next", "the target tells its grains to a function")
        .with_hint("open it without on_grain");
  if (closed_ || node_.expired()) return Error(ErrorClass::kShuttingDown, "read", "the target is closed, or its node");
  return std::nullopt;
}

Error TargetState::late() const {
  return Error(ErrorClass::kDeadlineExceeded, "read", "no grain came in time")
      .with_hint("weft grains send writes some; stats() tells whether an initiator is connected");
}

void InitiatorState::set_wake(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = wake ? std::make_shared<const std::function<void()>>(std::move(wake)) : nullptr;
}

void InitiatorState::woken(std::unique_lock<std::mutex>& lock) {
  const auto wake = wake_;
  const bool serves = !results_.empty() && to_be_served();
  lock.unlock();
  if (wake) (*wake)();
  if (serves) serve();
}

std::optional<GrainResult> InitiatorState::take_next() {
  if (results_.empty()) return std::nullopt;
  GrainResult result = results_.pop();
  if (results_.empty()) signal_.clear();
  return result;
}

std::optional<Error> InitiatorState::over() const {
  if (options_.on_result)
    return Error(ErrorClass::kInvalidArgument, "next", "the initiator tells its results to a function")
        .with_hint("open it without on_result");
  if (closed_ || node_.expired())
    return Error(ErrorClass::kShuttingDown, "next", "the initiator is closed, or its node");
  return std::nullopt;
}

Error InitiatorState::late() const { return {ErrorClass::kDeadlineExceeded, "wait_result", "no grain ended in time"}; }

void InitiatorState::on_stopped(NodeState& node) {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    signal_.set();
    changed_.notify_all();
  }
  serve_last(node);
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
