#include <weft/fabric/queue_wait.hpp>

#include <poll.h>
#include <rdma/fabric.h>
#include <rdma/fi_eq.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <weft/fabric/fabric_waiter.hpp>
#include <weft/fabric/provider.hpp>

namespace weft::fabric {
namespace {

constexpr std::uint32_t kYields = 64;
constexpr Duration kNap = std::chrono::microseconds{200};

WaitStyle style_of(FabricInfoView info) {
  const auto running = FabricVersion::running();
  return running ? habits_of(info.provider_name(), *running).wait : WaitStyle::kDescriptors;
}

TimePoint deadline_after(Duration timeout) noexcept {
  const TimePoint now = Clock::now();
  return timeout > kNever - now ? kNever : now + timeout;
}

}  // namespace

QueueWait::QueueWait(const CompletionQueue* completions, EventQueue* events, Duration timeout) noexcept
    : completions_(completions), events_(events), deadline_(deadline_after(timeout)), means_(Means::kNaps) {
  if (events_ != nullptr && events_->wait() == Wait::kSet)
    means_ = Means::kSet;
  else if ((completions_ == nullptr || completions_->wait() == Wait::kDescriptor) &&
           (events_ == nullptr || events_->wait() == Wait::kDescriptor))
    means_ = Means::kDescriptors;
}

Wait QueueWait::completion_wait(FabricInfoView info) { return FabricWaiter::completion_wait(style_of(info)); }
Wait QueueWait::event_wait(FabricInfoView info) { return FabricWaiter::event_wait(style_of(info)); }

bool QueueWait::arm() {
  if (means_ == Means::kSet) return events_->reset_wait();
  std::array<::fid*, 2> queues{};
  std::size_t count = 0;
  fid_fabric* fabric = nullptr;
  if (completions_ != nullptr) {
    queues[count++] = completions_->fid();
    fabric = completions_->raw_fabric();
  }
  if (events_ != nullptr) {
    queues[count++] = events_->fid();
    fabric = events_->raw_fabric();
  }
  return fabric == nullptr || fi_trywait(fabric, queues.data(), static_cast<int>(count)) == 0;
}

QueueWait::End QueueWait::block() const {
  std::array<pollfd, 2> watched{};
  nfds_t count = 0;
  if (means_ != Means::kNaps) {
    if (auto of_events = events_ != nullptr ? events_->descriptor() : -1; of_events && *of_events >= 0)
      watched[count++] = {*of_events, POLLIN, 0};
    if (means_ == Means::kDescriptors && completions_ != nullptr)
      if (auto of_completions = completions_->descriptor()) watched[count++] = {*of_completions, POLLIN, 0};
  }
  Duration left = std::max<Duration>(deadline_ - Clock::now(), Duration{0});
  if (count == 0) left = std::min(left, kNap);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  const timespec limit{.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
  const int ready = ppoll(watched.data(), count, &limit, nullptr);
  return ready < 0 && errno == EINTR ? End::kInterrupted : End::kLook;
}

QueueWait::End QueueWait::sleep() {
  if (Clock::now() >= deadline_) return End::kTimeout;
  if (means_ == Means::kNaps) {
    if (naps_++ >= kYields) return block();
    sched_yield();
    return End::kLook;
  }
  if (!armed_) {
    // Arming makes progress, so that one more look is due before sleeping.
    armed_ = arm();
    return End::kLook;
  }
  armed_ = false;
  return block();
}

}  // namespace weft::fabric
