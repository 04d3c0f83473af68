#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include <weft/base/clock.hpp>

namespace weft::cli {

/// Ends the process where --timeout has passed and something does not come back that cannot be asked to: a host name
/// that does not resolve, a file on a disk that is gone. Whatever can be asked ends by itself before: this one comes a
/// few seconds later.
class Watchdog {
 public:
  /// `bark` must not return.
  Watchdog(std::optional<TimePoint> until, std::function<void()> bark);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();
  /// What was bounded is done: a server is ready.
  void leave();

 private:
  void watch(TimePoint until);

  std::function<void()> bark_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace weft::cli
