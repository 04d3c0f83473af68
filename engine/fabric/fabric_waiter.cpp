#include <weft/fabric/fabric_waiter.hpp>

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace weft::fabric {
namespace {

Result<Fd> open_epoll() {
  Fd epoll{epoll_create1(EPOLL_CLOEXEC)};
  if (!epoll) return fail_errno(errno, "epoll_create1");
  return epoll;
}

Result<void> watch(int epoll, int descriptor) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = descriptor;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) return fail_errno(errno, "epoll_ctl");
  return {};
}

}  // namespace

Wait FabricWaiter::completion_wait(WaitStyle style) noexcept {
  return style == WaitStyle::kDescriptors ? Wait::kDescriptor : Wait::kNone;
}

Wait FabricWaiter::event_wait(WaitStyle style) noexcept {
  return style == WaitStyle::kDescriptors ? Wait::kDescriptor : Wait::kSet;
}

Result<FabricWaiter> FabricWaiter::open(WaitStyle style, const CompletionQueue& completions, const EventQueue& events) {
  WEFT_LET(Fd epoll, open_epoll());
  Fd timer{timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)};
  if (!timer) return fail_errno(errno, "timerfd_create");
  Fd connections;
  if (style == WaitStyle::kDescriptors) {
    WEFT_LET(connections, open_epoll());
    WEFT_TRY(watch(epoll.get(), connections.get()));
    WEFT_LET(const int of_completions, completions.descriptor());
    WEFT_TRY(watch(epoll.get(), of_completions));
  }
  const int rest = connections ? connections.get() : epoll.get();
  WEFT_TRY(watch(rest, timer.get()));
  WEFT_LET(const int of_events, events.descriptor());
  WEFT_TRY(watch(rest, of_events));
  return FabricWaiter{style, std::move(epoll), std::move(connections), std::move(timer)};
}

bool FabricWaiter::arm(const Fabric& fabric, const CompletionQueue& completions, EventQueue& events) {
  if (style_ == WaitStyle::kEventQueueSet) return events.reset_wait();
  const std::array<fid*, 2> queues{completions.fid(), events.fid()};
  return fabric.try_wait(queues);
}

void FabricWaiter::wake_at(TimePoint deadline, TimePoint now) noexcept {
  if (deadline == wake_at_) return;
  wake_at_ = deadline;
  itimerspec setting{};  // all zero: off; setting it also takes back an expiry that was not read
  if (deadline != kNever) {
    const auto left = std::max<Duration>(deadline - now, Duration{1});
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    setting.it_value.tv_sec = seconds.count();
    setting.it_value.tv_nsec = (left - seconds).count();
  }
  timerfd_settime(timer_.get(), 0, &setting, nullptr);
}

}  // namespace weft::fabric
