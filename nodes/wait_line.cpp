#include <weft/nodes/wait_line.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

#include <weft/nodes/grains.hpp>
#include <weft/nodes/node_state.hpp>

namespace weft::detail {
namespace {

// So many in a row, then the other callbacks of the node have their turn.
constexpr std::size_t kInARow = 64;

}  // namespace

/// What holds when a line has been served, also where a coroutine's exception ended that.
template <class T>
class WaitLine<T>::Serving {
 public:
  Serving(WaitLine& line, std::unique_lock<std::mutex>& lock) : line_(line), lock_(lock) {}
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;
  ~Serving() {
    if (!lock_.owns_lock()) lock_.lock();
    line_.serving_ = false;
    const bool more = (line_.has_next() || line_.over()) && line_.to_be_served();
    const TimePoint at = line_.to_be_armed();
    lock_.unlock();
    if (more) line_.serve();
    if (at != kNever) line_.arm(at);
  }

 private:
  WaitLine& line_;
  std::unique_lock<std::mutex>& lock_;
};

template <class T>
bool WaitLine<T>::join(Waiter<T>& waiter, std::coroutine_handle<> coroutine) {
  std::unique_lock lock(mutex_);
  if (first_ == nullptr && at_once_ < kInARow) {
    if (auto taken = take_next()) {
      ++at_once_;
      waiter.result.emplace(std::move(*taken));
      return false;
    }
  }
  if (!has_next() && settle(waiter)) return false;
  waiter.coroutine = coroutine;
  waiter.waits = true;
  waiter.before = last_;
  waiter.behind = nullptr;
  (last_ != nullptr ? last_->behind : first_) = &waiter;
  last_ = &waiter;
  const bool serves = has_next() && to_be_served();
  const TimePoint at = serving_ ? kNever : to_be_armed();
  const auto self = line();  // the coroutine may be resumed, and let it go, before this returns
  lock.unlock();
  if (serves) serve();
  if (at != kNever) arm(at);
  return true;
}

template <class T>
void WaitLine<T>::leave(Waiter<T>& waiter) noexcept {
  const std::lock_guard lock(mutex_);
  if (waiter.waits) unlink(waiter);
}

/// Where nothing is there to be taken: whether nothing will be.
template <class T>
bool WaitLine<T>::settle(Waiter<T>& waiter) {
  auto why = over();
  if (!why && waiter.until <= Clock::now()) why = late();
  if (why) waiter.result.emplace(fail(std::move(*why)));
  return why.has_value();
}

template <class T>
void WaitLine<T>::unlink(Waiter<T>& waiter) noexcept {
  (waiter.before != nullptr ? waiter.before->behind : first_) = waiter.behind;
  (waiter.behind != nullptr ? waiter.behind->before : last_) = waiter.before;
  waiter.waits = false;
}

template <class T>
void WaitLine<T>::resume(Waiter<T>& waiter, std::unique_lock<std::mutex>& lock) {
  unlink(waiter);
  lock.unlock();
  waiter.coroutine.resume();
  lock.lock();
}

template <class T>
Waiter<T>* WaitLine<T>::late_one(TimePoint now) const noexcept {
  Waiter<T>* waiter = first_;
  while (waiter != nullptr && waiter->until > now) waiter = waiter->behind;
  return waiter;
}

/// Where callbacks run.
template <class T>
void WaitLine<T>::run() {
  std::unique_lock lock(mutex_);
  const Serving serving(*this, lock);
  at_once_ = 0;
  const std::size_t most = node_.expired() ? SIZE_MAX : kInARow;  // a node that is going serves once more
  for (std::size_t served = 0; first_ != nullptr && served < most; ++served) {
    Waiter<T>& waiter = *first_;
    if (auto taken = take_next())
      waiter.result.emplace(std::move(*taken));
    else if (auto why = over())
      waiter.result.emplace(fail(std::move(*why)));
    else
      break;
    resume(waiter, lock);
  }
  if (has_next()) return;
  const TimePoint now = Clock::now();
  while (Waiter<T>* waiter = late_one(now)) {
    waiter->result.emplace(fail(late()));
    resume(*waiter, lock);
  }
}

template <class T>
void WaitLine<T>::serve() {
  if (const auto node = node_.lock()) return run_at(*node);
  const std::lock_guard lock(mutex_);
  serving_ = false;  // its node is going, and serves them a last time
}

template <class T>
void WaitLine<T>::serve_last(NodeState& node) {
  {
    // Whoever is about to serve them may find the node gone.
    const std::lock_guard lock(mutex_);
    if (first_ == nullptr) return;
    serving_ = true;
  }
  run_at(node);
}

template <class T>
void WaitLine<T>::run_at(NodeState& node) {
  node.run([self = line()] { self->run(); });
}

/// When a look at the line is to be asked for, unless there will be one early enough. Most who wait are served long
/// before their time, so a look now and then does for all of them.
template <class T>
TimePoint WaitLine<T>::to_be_armed() noexcept {
  TimePoint first = kNever;
  for (const Waiter<T>* waiter = first_; waiter != nullptr; waiter = waiter->behind)
    first = std::min(first, waiter->until);
  if (first >= armed_) return kNever;
  return armed_ = first;
}

template <class T>
void WaitLine<T>::arm(TimePoint at) {
  const auto node = node_.lock();
  if (!node) return;
  node->submit([node = node.get(), weak = std::weak_ptr(line()), at](TimePoint) {
    node->at(at, [weak](TimePoint now) {
      if (const auto self = weak.lock()) self->on_time(now);
    });
  });
}

/// On the loop.
template <class T>
void WaitLine<T>::on_time(TimePoint now) {
  std::unique_lock lock(mutex_);
  if (now < armed_) return;  // an earlier one was asked for after this
  armed_ = kNever;
  const bool serves = late_one(now) != nullptr && to_be_served();
  const TimePoint at = serving_ ? kNever : to_be_armed();
  lock.unlock();
  if (serves) serve();
  if (at != kNever) arm(at);
}

template <class T>
bool join(WaitLine<T>& line, Waiter<T>& waiter, std::coroutine_handle<> coroutine) {
  return line.join(waiter, coroutine);
}
template <class T>
void leave(WaitLine<T>& line, Waiter<T>& waiter) noexcept {
  line.leave(waiter);
}

template class WaitLine<Grain>;
template class WaitLine<GrainResult>;
template bool join(WaitLine<Grain>&, Waiter<Grain>&, std::coroutine_handle<>);
template bool join(WaitLine<GrainResult>&, Waiter<GrainResult>&, std::coroutine_handle<>);
template void leave(WaitLine<Grain>&, Waiter<Grain>&) noexcept;
template void leave(WaitLine<GrainResult>&, Waiter<GrainResult>&) noexcept;

}  // namespace weft::detail
