#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include <weft/base/clock.hpp>
#include <weft/base/fd.hpp>
#include <weft/base/result.hpp>

namespace weft::actors {

/// Work handed to a loop by any thread, in the order of each thread's pushes. Pushing takes no lock and makes a system
/// call only when the consumer sleeps. Unbounded by itself: callers bound what they have open.
class SubmissionRing {
 public:
  using Work = std::move_only_function<void(TimePoint now)>;

  static Result<SubmissionRing> open() {
    Fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fd) return fail_errno(errno, "eventfd");
    return SubmissionRing(std::move(fd));
  }
  SubmissionRing(SubmissionRing&& other) noexcept
      : wake_(std::move(other.wake_)), head_(other.head_.exchange(nullptr)) {}
  SubmissionRing& operator=(SubmissionRing&&) = delete;
  ~SubmissionRing() {
    for (Node* node = head_.exchange(nullptr); node != nullptr;) delete std::exchange(node, node->next);
  }

  /// Any thread.
  void push(Work work) {
    auto* node = new Node{.work = std::move(work), .next = head_.load(std::memory_order_relaxed)};
    // Pairs with the exchange in `run`: who takes the list sees the work. Sequentially consistent, so that either this
    // push is seen before the consumer sleeps, or the sleep is seen here.
    while (!head_.compare_exchange_weak(node->next, node, std::memory_order_seq_cst)) {}
    if (sleeping_.load(std::memory_order_seq_cst)) wake();
  }
  /// Any thread: makes a sleeping consumer look around.
  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
  }

  /// The consumer: whether something was pushed.
  bool has_work() const noexcept { return head_.load(std::memory_order_relaxed) != nullptr; }
  /// The consumer: runs everything pushed so far, in order. Whether there was any.
  bool run(TimePoint now) {
    if (head_.load(std::memory_order_relaxed) == nullptr) return false;
    Node* list = head_.exchange(nullptr, std::memory_order_seq_cst);
    Node* ordered = nullptr;
    while (list != nullptr) {
      Node* next = std::exchange(list->next, ordered);
      ordered = std::exchange(list, next);
    }
    while (ordered != nullptr) {
      const std::unique_ptr<Node> node(std::exchange(ordered, ordered->next));
      node->work(now);
    }
    return true;
  }
  /// The consumer, before it blocks: false when something was pushed meanwhile and it must not.
  bool prepare_sleep() {
    sleeping_.store(true, std::memory_order_seq_cst);
    if (head_.load(std::memory_order_seq_cst) == nullptr) return true;
    sleeping_.store(false, std::memory_order_relaxed);
    return false;
  }
  void woke() {
    sleeping_.store(false, std::memory_order_relaxed);
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(wake_.get(), &count, sizeof count);
  }
  int descriptor() const noexcept { return wake_.get(); }

 private:
  struct Node {
    Work work;
    Node* next;
  };
  explicit SubmissionRing(Fd fd) : wake_(std::move(fd)) {}

  Fd wake_;
  std::atomic<Node*> head_{nullptr};
  std::atomic<bool> sleeping_{false};
};

}  // namespace weft::actors
