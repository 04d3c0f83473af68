#include <chrono>
#include <utility>
#include <vector>

#include <weft/nodes/grain_states.hpp>
#include <weft/nodes/node_state.hpp>

/// How a target and an initiator wake who waits for them, and how an initiator ends.
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

void InitiatorState::begin_close() {
  callbacks_.end();
  const auto node = node_.lock();
  bool serves = false;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
    serves = to_be_served();
  }
  if (serves) serve();
  if (!node) return;
  node->submit([self = shared_from_this(), node = node.get()](TimePoint now) {
    std::vector<transfer::TransferKey> feeds;
    {
      const std::lock_guard lock(self->mutex_);
      for (const Link& link : self->links_)
        if (link.feed) feeds.push_back(link.feed);
    }
    for (const auto feed : feeds) node->core().cancel(feed, ErrorClass::kCancelled, now);
  });
}

void InitiatorState::close() {
  begin_close();
  const auto node = node_.lock();
  if (!node) return;
  // Until nothing reads what was sent. A link that waits to be tried again is closed by then too.
  const TimePoint until = Clock::now() + std::chrono::seconds(2);
  node->drive([this] { return is_quiet(); }, until);
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, until, [this] { return reads_nothing(); });
}

}  // namespace weft::detail
