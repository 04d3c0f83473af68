#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <variant>

#include <weft/nodes/future.hpp>

namespace weft::detail {

/// How weft::actors and the bindings of other languages take a result: on the thread that resolves the call, the node's
/// loop, without the hop to the callbacks' thread and also with Callbacks::kManual. `to` must return at once: it sends
/// the result to an actor, or puts it into a queue.
struct HandOn {
  /// What the call's owner knows it by, after its future has gone; never null.
  template <class T>
  static std::shared_ptr<Shared<T>> run(Future<T> future,
                                        std::type_identity_t<std::move_only_function<void(Result<T>)>> to) {
    auto shared = std::exchange(future.shared_, nullptr);
    std::unique_lock lock(shared->mutex);
    if (!shared->resolved) {
      shared->at_once = true;
      shared->callback = std::move(to);
      return shared;
    }
    auto taken = std::exchange(shared->result, std::nullopt);
    lock.unlock();
    to(std::move(*taken));
    return shared;
  }
};

/// A call whose result has been, or will be, handed on: what its future could do besides giving it. Any thread.
template <class T>
class HandedOn {
 public:
  HandedOn() = default;
  HandedOn(Future<T> future, std::type_identity_t<std::move_only_function<void(Result<T>)>> to)
      : shared_(HandOn::run(std::move(future), std::move(to))) {}

  /// Returns when no write can reach the caller's memory any more.
  void cancel() const {
    if (const auto node = shared_->owner.lock()) node->cancel(shared_->cookie);
  }
  void ask_cancel() const {
    if (const auto node = shared_->owner.lock()) node->ask_cancel(shared_->cookie);
  }
  /// Makes progress on this thread until `ready` says so or `until` passes; it may return before both.
  void drive(const std::function<bool()>& ready, TimePoint until) const {
    if (const auto node = shared_->owner.lock()) node->drive(ready, until);
  }
  Progress progress() const {
    {
      const std::lock_guard lock(shared_->mutex);
      if (shared_->resolved) return shared_->last;
    }
    if (const auto node = shared_->owner.lock()) return node->progress(shared_->cookie);
    return {};
  }
  TransferId id() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->id;
  }
  bool takes_back() const { return static_cast<bool>(shared_->unclaimed); }
  /// For a value that was handed on and that nobody took: a push that was receipted may not vanish.
  void give_back(std::conditional_t<std::is_void_v<T>, std::monostate, T> value) const {
    if (shared_->unclaimed) shared_->unclaimed(std::move(value));
  }

 private:
  std::shared_ptr<Shared<T>> shared_;
};

}  // namespace weft::detail
