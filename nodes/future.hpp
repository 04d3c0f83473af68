#pragma once

#include <chrono>
#include <concepts>
#include <condition_variable>
#include <coroutine>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <weft/base/clock.hpp>
#include <weft/base/ids.hpp>
#include <weft/base/result.hpp>
#include <weft/nodes/options.hpp>

namespace weft {

/// Runs a piece of work somewhere: a thread pool, an event loop.
using Executor = std::function<void(std::move_only_function<void()>)>;

namespace detail {

/// What a future needs of its node, whatever its type.
class CallOwner {
 public:
  virtual ~CallOwner() = default;
  /// Ends the call early. Returns when no write can reach the caller's memory any more.
  virtual void cancel(std::uint64_t cookie) = 0;
  /// As `cancel`, without waiting for it.
  virtual void ask_cancel(std::uint64_t cookie) = 0;
  virtual Progress progress(std::uint64_t cookie) = 0;
  /// Makes progress on the calling thread until `ready` says so or `until` passes.
  virtual void drive(const std::function<bool()>& ready, TimePoint until) = 0;
  /// Runs a callback where the node's callbacks run.
  virtual void run(std::move_only_function<void()> callback) = 0;
};

/// Shared by a future and the call it stands for. Resolved once, by any thread.
template <class T>
struct Shared {
  std::mutex mutex{};
  std::condition_variable changed{};
  std::optional<Result<T>> result{};
  std::move_only_function<void(Result<T>)> callback{};
  /// Takes back a value that came and that nobody took before the future went: a push was receipted, it may not vanish.
  std::move_only_function<void(std::conditional_t<std::is_void_v<T>, std::monostate, T>)> unclaimed{};
  bool resolved = false;
  bool at_once = false;  ///< the callback runs on the thread that resolves: it only hands the result on
  std::weak_ptr<CallOwner> owner{};
  std::uint64_t cookie = 0;
  TransferId id{};
  Progress last{};  ///< how far it came; once resolved

  void resolve(Result<T> value, const Progress& progress = {}) {
    std::unique_lock lock(mutex);
    if (std::exchange(resolved, true)) return;
    last = progress;
    if (!callback) {
      result.emplace(std::move(value));
      changed.notify_all();
      return;
    }
    auto call = std::exchange(callback, nullptr);
    lock.unlock();
    if (auto node = at_once ? nullptr : owner.lock())
      return node->run([call = std::move(call), value = std::move(value)]() mutable { call(std::move(value)); });
    try {
      call(std::move(value));
    } catch (...) {  // NOLINT(bugprone-empty-catch): its node is going, there is no log to tell
    }
  }
};

struct HandOn;

}  // namespace detail

/// The result of a call that is already running. Move-only. Dropping it cancels the call (and returns only when no
/// write can reach `into` any more). One thread uses a future at a time; `cancel` may be called from any.
template <class T>
class [[nodiscard]] Future {
 public:
  Future() = default;
  explicit Future(std::shared_ptr<detail::Shared<T>> shared) : shared_(std::move(shared)) {}
  static Future failed(Error error) {
    auto shared = std::make_shared<detail::Shared<T>>();
    shared->resolve(fail(std::move(error)));
    return Future(std::move(shared));
  }
  template <class... U>
    requires std::constructible_from<Result<T>, std::in_place_t, U...>
  static Future of(U... value) {
    auto shared = std::make_shared<detail::Shared<T>>();
    shared->resolve(Result<T>(std::in_place, std::move(value)...));
    return Future(std::move(shared));
  }
  Future(Future&& other) noexcept = default;
  Future& operator=(Future&& other) noexcept {
    if (this != &other) {
      drop();
      shared_ = std::move(other.shared_);
      executor_ = std::move(other.executor_);
    }
    return *this;
  }
  ~Future() { drop(); }

  /// Blocks until the call has ended, which it does within its deadline. A second wait is InvalidArgument.
  Result<T> wait() {
    if (!shared_) return used_up();
    block(kNever);
    return *take();
  }
  /// The result if it comes in time; the call goes on otherwise.
  template <class Rep, class Period>
  std::optional<Result<T>> wait_for(std::chrono::duration<Rep, Period> most) {
    if (!shared_) return used_up();
    block(Clock::now() + bounded(most));
    return take();
  }
  /// The result if it is there.
  std::optional<Result<T>> poll() {
    if (!shared_) return used_up();
    return take();
  }
  bool ready() const {
    if (!shared_) return true;
    const std::lock_guard lock(shared_->mutex);
    return shared_->resolved;
  }
  /// Calls `callback` with the result on the node's callback thread (or what `via` chose), at once if it is there. What
  /// it throws is logged and goes no further.
  void then(std::move_only_function<void(Result<T>)> callback) && {
    auto shared = std::exchange(shared_, nullptr);
    if (!shared) return callback(used_up());
    if (executor_)
      callback = [executor = std::move(executor_), inner = std::move(callback)](Result<T> result) mutable {
        executor([inner = std::move(inner), result = std::move(result)]() mutable { inner(std::move(result)); });
      };
    std::unique_lock lock(shared->mutex);
    if (!shared->resolved) {
      shared->callback = std::move(callback);
      return;
    }
    Result<T> result = shared->result ? std::move(*shared->result) : used_up();
    shared->result.reset();
    lock.unlock();
    if (auto node = shared->owner.lock())
      node->run([call = std::move(callback), value = std::move(result)]() mutable { call(std::move(value)); });
    else
      callback(std::move(result));
  }
  Future via(Executor executor) && {
    executor_ = std::move(executor);
    return std::move(*this);
  }
  auto operator co_await() && {
    struct Awaiter {
      Future future;
      std::optional<Result<T>> result{};
      bool await_ready() { return (result = future.poll()).has_value(); }
      void await_suspend(std::coroutine_handle<> resume) {
        std::move(future).then([this, resume](Result<T> value) {
          result.emplace(std::move(value));
          resume.resume();
        });
      }
      Result<T> await_resume() { return std::move(*result); }
    };
    return Awaiter{std::move(*this)};
  }
  void cancel() {
    if (!shared_) return;
    if (auto node = shared_->owner.lock()) node->cancel(shared_->cookie);
  }
  /// Lets the call run to its end without anybody waiting.
  void detach() && { shared_.reset(); }
  Progress progress() const {
    if (!shared_) return {};
    {
      const std::lock_guard lock(shared_->mutex);
      if (shared_->resolved) return shared_->last;
    }
    if (auto node = shared_->owner.lock()) return node->progress(shared_->cookie);
    return {};
  }
  /// Names the transfer in the logs of both ends, from when the node has begun it; zero before, and where nothing
  /// travels.
  TransferId id() const {
    if (!shared_) return {};
    const std::lock_guard lock(shared_->mutex);
    return shared_->id;
  }

 private:
  friend struct detail::HandOn;
  static Result<T> used_up() { return fail(ErrorClass::kInvalidArgument, "future", "its result was taken already"); }
  std::optional<Result<T>> take() {
    const std::lock_guard lock(shared_->mutex);
    if (!shared_->resolved) return std::nullopt;
    if (!shared_->result) return used_up();
    std::optional<Result<T>> taken = std::move(shared_->result);
    shared_->result.reset();
    return taken;
  }
  void block(TimePoint until) {
    if (ready()) return;
    if (auto node = shared_->owner.lock()) {
      node->drive([this] { return ready(); }, until);
      if (ready() || Clock::now() >= until) return;
    }
    std::unique_lock lock(shared_->mutex);
    const auto there = [this] { return shared_->resolved; };
    if (until == kNever)
      shared_->changed.wait(lock, there);
    else
      shared_->changed.wait_until(lock, until, there);
  }
  void drop() {
    auto shared = std::exchange(shared_, nullptr);
    if (!shared) return;
    std::unique_lock lock(shared->mutex);
    if (!shared->resolved) {
      lock.unlock();
      if (auto node = shared->owner.lock()) node->cancel(shared->cookie);
      lock.lock();
    }
    if constexpr (!std::is_void_v<T>) {
      auto left = std::exchange(shared->result, std::nullopt);
      lock.unlock();
      if (shared->unclaimed && left && *left) shared->unclaimed(std::move(**left));
    }
  }

  std::shared_ptr<detail::Shared<T>> shared_;
  Executor executor_{};
};

}  // namespace weft
