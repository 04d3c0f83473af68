#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>

#include <weft/base/error.hpp>
#include <weft/nodes/next.hpp>

namespace weft::detail {

class NodeState;

/// Coroutines that wait for what a target or an initiator gives, first come first served. Any thread.
/// Invariant, whenever its mutex is free: who waits while something is there, or while nothing more comes, is about to
/// be served.
template <class T>
class WaitLine {
 public:
  virtual ~WaitLine() = default;
  WaitLine(const WaitLine&) = delete;
  WaitLine& operator=(const WaitLine&) = delete;

  bool join(Waiter<T>& waiter, std::coroutine_handle<> coroutine);
  void leave(Waiter<T>& waiter) noexcept;

 protected:
  explicit WaitLine(std::weak_ptr<NodeState> node) : node_(std::move(node)) {}

  /// Under the mutex, when something came or nothing more comes: whether `serve` is to be called, without the mutex.
  bool to_be_served() noexcept {
    if (first_ == nullptr || serving_) return false;
    return serving_ = true;
  }
  void serve();
  /// The last time, by the node itself, which may be going: nobody has a reference to it then. Not under the mutex.
  void serve_last(NodeState& node);

  const std::weak_ptr<NodeState> node_;
  mutable std::mutex mutex_;

 private:
  // Under the mutex.
  virtual std::optional<T> take_next() = 0;
  virtual bool has_next() const = 0;
  virtual std::optional<Error> over() const = 0;  // why nothing more comes
  virtual Error late() const = 0;
  virtual std::shared_ptr<WaitLine> line() = 0;

  class Serving;
  void run();
  void run_at(NodeState& node);
  bool settle(Waiter<T>& waiter);
  void resume(Waiter<T>& waiter, std::unique_lock<std::mutex>& lock);
  void unlink(Waiter<T>& waiter) noexcept;
  Waiter<T>* late_one(TimePoint now) const noexcept;
  TimePoint to_be_armed() noexcept;
  void arm(TimePoint at);
  void on_time(TimePoint now);

  Waiter<T>* first_ = nullptr;
  Waiter<T>* last_ = nullptr;
  TimePoint armed_ = kNever;  // when the line is looked at for who has waited long enough
  std::size_t at_once_ = 0;   // given without a wait, since the line was last served
  bool serving_ = false;      // or about to
};

}  // namespace weft::detail
