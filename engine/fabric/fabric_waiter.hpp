#pragma once

#include <weft/base/clock.hpp>
#include <weft/base/fd.hpp>
#include <weft/fabric/completion_queue.hpp>
#include <weft/fabric/event_queue.hpp>
#include <weft/fabric/provider.hpp>

namespace weft::fabric {

/// One descriptor for everything a fabric lane waits for: its queues and its next deadline. Where queues have
/// descriptors of their own, another one for connections and deadlines alone. Belongs to the lane's loop.
class FabricWaiter {
 public:
  static Wait completion_wait(WaitStyle style) noexcept;
  static Wait event_wait(WaitStyle style) noexcept;
  static Result<FabricWaiter> open(WaitStyle style, const CompletionQueue& completions, const EventQueue& events);

  int descriptor() const noexcept { return epoll_.get(); }
  int of_connections() const noexcept { return connections_ ? connections_.get() : epoll_.get(); }
  /// Makes the descriptor quiet and ready to wake. False: there is something to read. Both queues must be read once
  /// more after it and before blocking, since it makes progress.
  bool arm(const Fabric& fabric, const CompletionQueue& completions, EventQueue& events);
  /// The descriptor wakes at `deadline` at the latest; kNever: no deadline.
  void wake_at(TimePoint deadline, TimePoint now) noexcept;

 private:
  FabricWaiter(WaitStyle style, Fd epoll, Fd connections, Fd timer)
      : style_(style), epoll_(std::move(epoll)), connections_(std::move(connections)), timer_(std::move(timer)) {}
  WaitStyle style_;
  Fd epoll_;
  Fd connections_;
  Fd timer_;
  TimePoint wake_at_ = kNever;
};

}  // namespace weft::fabric
