#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include <weft/actors/worker.hpp>
#include <weft/base/clock.hpp>
#include <weft/base/log.hpp>

namespace weft::actors {

/// The application's callbacks, resumed coroutines and offer functions, one after the other, on the thread that serves
/// them. While they come in a row and are short, that thread makes progress in between as a caller does who waits: a
/// result and its callback are then on one thread, and what the callback begins wakes no other.
class CallbackQueue final : public Worker {
 public:
  /// Makes progress on the calling thread until `ready` or `until`; at once where somebody else does so already.
  using Drive = std::function<void(const std::function<bool()>& ready, TimePoint until)>;

  explicit CallbackQueue(const LogSink& log) : log_(&log) {}
  /// Any thread. Dropped once the queue has ended.
  void run(Job job) override;
  /// Runs jobs on the calling thread until `end`: those queued by then too.
  void serve();
  /// Before the first job.
  void set_drive(Drive drive) { drive_ = std::move(drive); }
  void end();
  bool is_this_thread() const { return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }

 private:
  /// What is queued, after a wait for it; nothing at the end.
  bool take(std::vector<Job>& due);

  const LogSink* log_;
  Drive drive_;
  std::atomic<std::thread::id> thread_{};
  std::mutex mutex_;
  std::condition_variable there_;
  std::vector<Job> queued_;
  std::atomic<bool> any_{false};
  bool sleeping_ = false;
  bool ending_ = false;
  bool over_ = false;
};

}  // namespace weft::actors
