#pragma once

#include <condition_variable>
#include <coroutine>
#include <exception>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

namespace weft {

template <class T = void>
class [[nodiscard]] Task;

namespace detail {

struct TaskPromiseBase {
  std::coroutine_handle<> continuation = std::noop_coroutine();
  std::exception_ptr thrown{};

  struct Final {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      return ended.promise().continuation;
    }
    void await_resume() const noexcept {}
  };
  std::suspend_always initial_suspend() const noexcept { return {}; }
  Final final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { thrown = std::current_exception(); }
};

template <class T>
struct TaskPromise : TaskPromiseBase {
  std::optional<T> value{};
  Task<T> get_return_object() noexcept;
  template <class U>
  void return_value(U&& returned) {
    value.emplace(std::forward<U>(returned));
  }
  T take() {
    if (thrown) std::rethrow_exception(thrown);
    return std::move(*value);
  }
};

template <>
struct TaskPromise<void> : TaskPromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const {
    if (thrown) std::rethrow_exception(thrown);
  }
};

}  // namespace detail

/// A coroutine that runs when it is awaited, or by `block_on`, and at most once. Move-only; destroying it destroys the
/// coroutine, which must not be running then. It resumes where what it awaits resumes it: after a Future that is the
/// node's callback thread, so a task that awaits must not block there. An exception its body lets out comes out of the
/// await. With g++ 12 build options outside of the await: `auto pull = node.get(ticket, name, {.into = dst}); co_await
/// std::move(pull)`, since that compiler destroys a braced temporary inside a co_await twice. clang does not.
template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;

  Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  ~Task() {
    if (coroutine_) coroutine_.destroy();
  }

  auto operator co_await() && noexcept {
    struct Awaiter {
      std::coroutine_handle<promise_type> task;
      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) const noexcept {
        task.promise().continuation = awaiting;
        return task;  // symmetric transfer: a long chain of tasks takes no stack
      }
      T await_resume() const { return task.promise().take(); }
    };
    return Awaiter{coroutine_};
  }

 private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> coroutine) noexcept : coroutine_(coroutine) {}

  std::coroutine_handle<promise_type> coroutine_;
};

namespace detail {

template <class T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}
inline Task<void> TaskPromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

/// Set by the thread on which a task ended, waited for by the one that blocks on it.
class TaskGate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

/// The coroutine at the root of block_on: opens its gate as its very last act, when nothing of it runs any more.
class BlockingRoot {
 public:
  struct promise_type {
    TaskGate* gate = nullptr;
    BlockingRoot get_return_object() noexcept {
      return BlockingRoot(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    auto final_suspend() const noexcept {
      struct Open {
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<promise_type> ended) const noexcept { ended.promise().gate->open(); }
        void await_resume() const noexcept {}
      };
      return Open{};
    }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }  // the body below catches
  };

  BlockingRoot(BlockingRoot&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  BlockingRoot& operator=(BlockingRoot&&) = delete;
  ~BlockingRoot() {
    if (coroutine_) coroutine_.destroy();
  }
  void run(TaskGate& gate) {
    coroutine_.promise().gate = &gate;
    coroutine_.resume();
    gate.wait();
  }

 private:
  explicit BlockingRoot(std::coroutine_handle<promise_type> coroutine) noexcept : coroutine_(coroutine) {}

  std::coroutine_handle<promise_type> coroutine_;
};

template <class T>
BlockingRoot blocking_root(Task<T> task, std::optional<T>& value, std::exception_ptr& thrown) {
  try {
    value.emplace(co_await std::move(task));
  } catch (...) {
    thrown = std::current_exception();
  }
}
inline BlockingRoot blocking_root(Task<void> task, std::exception_ptr& thrown) {
  try {
    co_await std::move(task);
  } catch (...) {
    thrown = std::current_exception();
  }
}

}  // namespace detail

/// Runs a task and returns what it gave, blocking the calling thread until then. Not on a node's callback thread: what
/// the task awaits is resumed there.
template <class T>
T block_on(Task<T> task) {
  detail::TaskGate gate;
  std::exception_ptr thrown;
  if constexpr (std::is_void_v<T>) {
    detail::blocking_root(std::move(task), thrown).run(gate);
    if (thrown) std::rethrow_exception(thrown);
  } else {
    std::optional<T> value;
    detail::blocking_root(std::move(task), value, thrown).run(gate);
    if (thrown) std::rethrow_exception(thrown);
    return std::move(*value);
  }
}

}  // namespace weft
