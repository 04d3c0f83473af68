#pragma once

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace weft::detail {

/// Between an application's function and what it uses: after `end` the function is called no more, and no call of it
/// runs but on the very thread that ended it. Any thread.
class CallbackGate {
 public:
  template <class F>
  void run(F&& function) {
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return;
      running_.push_back(std::this_thread::get_id());
    }
    struct Leave {
      CallbackGate& gate;
      ~Leave() {
        const std::lock_guard lock(gate.mutex_);
        gate.running_.erase(std::ranges::find(gate.running_, std::this_thread::get_id()));
        gate.changed_.notify_all();
      }
    } leave{*this};
    function();
  }
  void end() {
    std::unique_lock lock(mutex_);
    ended_ = true;
    changed_.wait(lock, [this] {
      return std::ranges::all_of(running_, [](std::thread::id id) { return id == std::this_thread::get_id(); });
    });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::thread::id> running_;
  bool ended_ = false;
};

}  // namespace weft::detail
