#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>

#include <catch2/catch_test_case_info.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>

namespace {

/// A test that hangs is named and ends the program: every call of a node has a bound, so none may take this long.
class Watchdog final : public Catch::EventListenerBase {
 public:
  using EventListenerBase::EventListenerBase;

  void testCaseStarting(const Catch::TestCaseInfo& info) override {
    done_ = false;
    thread_ = std::thread([this, name = info.name] {
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, std::chrono::seconds(120), [this] { return done_; })) return;
      std::fprintf(stderr, "hangs: %s\n", name.c_str());
      std::abort();
    });
  }
  void testCaseEnded(const Catch::TestCaseStats&) override {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace

CATCH_REGISTER_LISTENER(Watchdog)
