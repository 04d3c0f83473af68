#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <thread>

#include <weft/actors/loop.hpp>

/// Who runs the loop, and how it waits (docs/threads.md).
namespace weft::actors {
namespace {

constexpr Duration kHandBack = std::chrono::microseconds(500);  // a caller that waits again soon keeps the loop
constexpr Duration kLostProcessor = std::chrono::microseconds(50);
constexpr Duration kOwnProcessor = std::chrono::milliseconds(1);  // who asks for so much spinning has one to spare
constexpr Duration kAnswersSoon = std::chrono::microseconds(100);
constexpr unsigned kLooksPerTurn = 32;  // a lane that is not armed may have something that no descriptor tells

}  // namespace

/// Waits for the descriptors of lanes, listeners and submissions; how many are ready.
int Loop::wait_for_descriptors(Duration most) { return heed(epoll_.get(), most); }

int Loop::heed(int epoll, Duration most) {
  const timespec timeout{.tv_sec = static_cast<time_t>(most.count() / 1'000'000'000),
                         .tv_nsec = static_cast<long>(most.count() % 1'000'000'000)};
  std::array<epoll_event, 16> events{};
  const int count = ::epoll_pwait2(epoll, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
    if (descriptor == acceptor_.waitable() || descriptor == dialer_.waitable())
      sessions_ready_ = true;
    else
      driver_.told(descriptor);
  }
  return count;
}

/// Where rails are seen in memory nothing but this asks the kernel, a system call: often while a message is likely to
/// come, else now and then.
void Loop::ask_kernel(TimePoint now) {
  const bool soon = driver_.awaits_messages() || now - driver_.last_message() < kAnswersSoon;
  if (now < next_ask_ && !soon) return;
  next_ask_ = now + options_.ask;
  heed(unseen_.get(), {});
}

/// Looks at the descriptors again and again: that costs a tenth of a turn. True when a turn found something, or the
/// loop is over: then nobody waits for anything.
bool Loop::spin(TimePoint& now, TimePoint until) {
  const TimePoint end = until - now > options_.spin ? now + options_.spin : until;
  const TimePoint timer = next_timer();
  const bool in_memory = driver_.sees_memory();
  for (unsigned looks = 1; now < end; ++looks) {
    const bool due = in_memory || looks % kLooksPerTurn == 0 || ring_.has_work() || now >= timer;
    if (due || wait_for_descriptors({}) > 0) {
      if (!in_memory)
        driver_.look_everywhere();  // or a fast processor, turning in each spin, would never come to block
      if (turn(now) || over_now_) return true;
    }
    if (stopping_.load(std::memory_order_acquire)) return true;
    const TimePoint before = now;
    now = Clock::now();
    // Somebody else wanted this processor: spinning would take it from the peer that we wait for.
    if (now - before > kLostProcessor && options_.spin < kOwnProcessor)
      no_spin_until_ = now + std::chrono::milliseconds(10);
  }
  if (!in_memory) return false;
  driver_.look_everywhere();
  return turn(now);
}

/// Spins a little where that is likely to pay, then blocks until a lane, a listener, a submission or a timer.
void Loop::block(TimePoint until) {
  TimePoint now = Clock::now();
  if (options_.spin.count() > 0 && !over_now_ && now >= no_spin_until_ && spin(now, until)) return;
  if (!driver_.may_block() || !ring_.prepare_sleep()) return;
  until = std::min(until, next_timer());
  const Duration left = std::clamp<Duration>(until == kNever ? Duration(std::chrono::seconds(10)) : until - now,
                                             Duration{}, std::chrono::seconds(10));
  wait_for_descriptors(left);
  ring_.woke();
}

void Loop::run() {
  while (!stopping_.load(std::memory_order_acquire)) {
    if (drivers_.load(std::memory_order_acquire) != 0) {
      std::unique_lock lock(parked_mutex_);
      parked_.wait_for(lock, kHandBack, [this] { return handed_back_ || stopping_.load(std::memory_order_acquire); });
      handed_back_ = false;
      continue;
    }
    if (!token_.try_lock_for(std::chrono::milliseconds(1))) continue;
    while (drivers_.load(std::memory_order_acquire) == 0 && !stopping_.load(std::memory_order_acquire))
      if (!turn(Clock::now()) || !driver_.busy()) block(kNever);
    token_.unlock();
  }
}

void Loop::stop_running() {
  stopping_.store(true, std::memory_order_release);
  ring_.wake();
  parked_.notify_all();
}

void Loop::drive(const std::function<bool()>& ready, TimePoint until) {
  int nobody = 0;
  if (!drivers_.compare_exchange_strong(nobody, 1, std::memory_order_acq_rel)) return;  // somebody drives already
  bool mine = token_.try_lock();  // free while the endpoint's thread is parked
  if (!mine) {
    ring_.wake();  // whoever blocks with the token lets it go
    mine = token_.try_lock_for(std::chrono::milliseconds(5));
  }
  if (mine) {
    while (!ready() && Clock::now() < until && !stopping_.load(std::memory_order_acquire)) {
      if (turn(Clock::now()) && driver_.busy()) continue;
      if (ready()) break;
      block(until);
    }
    token_.unlock();
  }
  drivers_.store(0, std::memory_order_release);
  if (!ready()) hand_back();
}

void Loop::hand_back() {
  const std::lock_guard lock(parked_mutex_);
  handed_back_ = true;
  parked_.notify_all();
}

}  // namespace weft::actors
