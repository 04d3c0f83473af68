#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <utility>

#include <weft/base/clock.hpp>
#include <weft/base/fd.hpp>
#include <weft/base/result.hpp>

namespace weft::actors {

/// Work handed to a loop by any thread, in the order of each thread's pushes. Pushing takes no lock and makes a system
/// call only when the consumer sleeps. Unbounded by itself: callers bound what they have open.
class SubmissionRing {
  struct Node;

 public:
  using Work = std::move_only_function<void(TimePoint now)>;
  /// Where work waits that its owner pushes again and again: a push of it takes nothing from the heap, if the work is
  /// no more than a shared pointer. From a push until its work begins, a seat must live and is not pushed again.
  class Seat;

  static Result<SubmissionRing> open() {
    Fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fd) return fail_errno(errno, "eventfd");
    return SubmissionRing(std::move(fd));
  }
  SubmissionRing(SubmissionRing&& other) noexcept
      : wake_(std::move(other.wake_)), head_(other.head_.exchange(nullptr)) {}
  SubmissionRing& operator=(SubmissionRing&&) = delete;
  ~SubmissionRing() {
    for (Node* node = head_.exchange(nullptr); node != nullptr;) take(std::exchange(node, node->next));
  }

  /// Any thread.
  void push(Work work) { push(new Node{.work = std::move(work)}); }
  void push(Seat& seat, Work work);
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
      Work work = take(std::exchange(ordered, ordered->next));
      work(now);
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
    Work work{};
    Node* next = nullptr;
    bool is_seat = false;
  };
  void push(Node* node) {
    node->next = head_.load(std::memory_order_relaxed);
    // Pairs with the exchange in `run`: who takes the list sees the work. Sequentially consistent, so that either this
    // push is seen before the consumer sleeps, or the sleep is seen here.
    while (!head_.compare_exchange_weak(node->next, node, std::memory_order_seq_cst)) {}
    if (sleeping_.load(std::memory_order_seq_cst)) wake();
  }
  /// The work alone: its seat may be pushed anew, and may go with what the work keeps alive.
  static Work take(Node* node) {
    Work work = std::exchange(node->work, nullptr);
    if (!node->is_seat) delete node;
    return work;
  }
  explicit SubmissionRing(Fd fd) : wake_(std::move(fd)) {}

  Fd wake_;
  std::atomic<Node*> head_{nullptr};
  std::atomic<bool> sleeping_{false};
};

class SubmissionRing::Seat {
 public:
  Seat() = default;
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

 private:
  friend SubmissionRing;
  Node node_{.is_seat = true};
};

inline void SubmissionRing::push(Seat& seat, Work work) {
  seat.node_.work = std::move(work);
  push(&seat.node_);
}

}  // namespace weft::actors
