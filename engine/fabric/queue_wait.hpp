#pragma once

#include <cerrno>
#include <optional>

#include <weft/base/clock.hpp>
#include <weft/fabric/completion_queue.hpp>
#include <weft/fabric/event_queue.hpp>

namespace weft::fabric {

/// A thread's sleep until its queues may have something, which is why one is read between two calls of sleep(). Blocks
/// on descriptors where those tell of everything, and naps for less than a millisecond where they do not. Private to
/// engine/fabric; used by the thread the queues belong to.
class QueueWait {
 public:
  enum class End : std::uint8_t { kLook, kTimeout, kInterrupted };

  /// One of them may be null.
  QueueWait(const CompletionQueue* completions, EventQueue* events, Duration timeout) noexcept;
  End sleep();
  /// What its queue gives once there is something, nothing at the timeout, an Interrupted where a signal came first.
  template <class Interrupted, class Queue>
  auto read_of(Queue& queue) -> decltype(queue.read()) {
    while (true) {
      if (auto one = queue.read()) return one;
      switch (sleep()) {
        case End::kLook:
          break;
        case End::kTimeout:
          return std::nullopt;
        case End::kInterrupted:
          return Interrupted{nullptr, EINTR, 0, "a signal"};
      }
    }
  }

  /// What Wait::kAuto means on this provider.
  static Wait completion_wait(FabricInfoView info);
  static Wait event_wait(FabricInfoView info);

 private:
  enum class Means : std::uint8_t { kSet, kDescriptors, kNaps };
  bool arm();
  End block() const;

  const CompletionQueue* completions_;
  EventQueue* events_;
  TimePoint deadline_;
  Means means_;
  bool armed_ = false;
  std::uint32_t naps_ = 0;
};

}  // namespace weft::fabric
