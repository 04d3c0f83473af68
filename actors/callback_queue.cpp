#include <weft/actors/callback_queue.hpp>

#include <utility>

#include <weft/actors/guarded.hpp>

namespace weft::actors {
namespace {

constexpr Duration kShort = std::chrono::microseconds(50);  // what takes longer would hold up the transfers
constexpr Duration kStay = std::chrono::microseconds(500);  // as long as a caller who waits again is waited for

}  // namespace

void CallbackQueue::run(Job job) {
  const std::lock_guard lock(mutex_);
  if (over_) return;
  queued_.push_back(std::move(job));
  any_.store(true, std::memory_order_release);
  if (sleeping_) there_.notify_one();
}

bool CallbackQueue::take(std::vector<Job>& due) {
  std::unique_lock lock(mutex_);
  sleeping_ = true;
  there_.wait(lock, [this] { return !queued_.empty() || ending_; });
  sleeping_ = false;
  over_ = ending_;
  due.swap(queued_);
  any_.store(false, std::memory_order_relaxed);
  return !over_;
}

void CallbackQueue::serve() {
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  std::vector<Job> due;
  for (bool more = true; more;) {
    more = take(due);
    const TimePoint begun = Clock::now();
    for (Job& job : due) {
      run_guarded(*log_, "job", job);
      job = nullptr;
    }
    due.clear();
    const TimePoint now = Clock::now();
    if (more && drive_ && now - begun <= kShort)
      drive_([this] { return any_.load(std::memory_order_acquire); }, now + kStay);
  }
}

void CallbackQueue::end() {
  const std::lock_guard lock(mutex_);
  ending_ = true;
  any_.store(true, std::memory_order_release);
  there_.notify_one();
}

}  // namespace weft::actors
