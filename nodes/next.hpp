#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <utility>

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>

namespace weft {

namespace detail {

template <class T>
class WaitLine;

/// A coroutine's place in a line. It lies in the coroutine's frame, so waiting allocates nothing.
template <class T>
struct Waiter {
  TimePoint until = kNever;
  std::coroutine_handle<> coroutine{};
  std::optional<Result<T>> result{};
  Waiter* before = nullptr;
  Waiter* behind = nullptr;
  bool waits = false;
};

/// False: the result is there, nothing waits.
template <class T>
bool join(WaitLine<T>& line, Waiter<T>& waiter, std::coroutine_handle<> coroutine);
template <class T>
void leave(WaitLine<T>& line, Waiter<T>& waiter) noexcept;

}  // namespace detail

/// The next grain of a target, or the next result of an initiator: `co_await target.next(2s)` gives a Result of it.
/// Coroutines that wait are served in the order in which they came. What is there already is given without suspending;
/// else the coroutine is resumed where the node's callbacks run, so it must not block there. DeadlineExceeded;
/// ShuttingDown, once nothing more comes; InvalidArgument, where a function takes them (on_grain, on_result).
/// Nothing is taken before a coroutine is resumed with it: dropping this, or the coroutine that waits in it, loses
/// nothing. That coroutine may be destroyed where callbacks run, and elsewhere while none can run. It keeps what it
/// waits for, not the node: with Callbacks::kManual one that is not resumed by run_callbacks() before the node goes is
/// not resumed any more.
template <class T>
class [[nodiscard]] Next {
 public:
  Next(std::shared_ptr<detail::WaitLine<T>> line, TimePoint until) : line_(std::move(line)) { waiter_.until = until; }
  /// Before it is awaited.
  Next(Next&& other) noexcept : line_(std::move(other.line_)) { waiter_.until = other.waiter_.until; }
  Next& operator=(Next&&) = delete;
  ~Next() {
    if (line_) detail::leave(*line_, waiter_);
  }

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> coroutine) { return detail::join(*line_, waiter_, coroutine); }
  Result<T> await_resume() { return *std::exchange(waiter_.result, std::nullopt); }

 private:
  std::shared_ptr<detail::WaitLine<T>> line_;
  detail::Waiter<T> waiter_{};
};

}  // namespace weft
