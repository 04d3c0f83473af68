#include <tests/sim/search.hpp>

#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WEFT_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WEFT_SANITIZED 1
#endif
#if defined(WEFT_SANITIZED)
#include <sanitizer/common_interface_defs.h>
#endif

namespace weft::sim {
namespace {

using std::chrono::steady_clock;

// A run takes milliseconds; with a sanitizer on a loaded machine a second or two.
constexpr auto kLongestRun = std::chrono::seconds(60);
constexpr unsigned kThreads = 2;

/// What one thread runs now. The watcher reads it, its thread writes it.
struct Running {
  std::atomic<std::uint64_t> seed{0};  // 0: none
  std::atomic<steady_clock::time_point> since{};
};
// One more than searches use: the main thread replays.
std::array<Running, kThreads + 1> all_running;
thread_local Running* running_here = nullptr;

/// Only what a signal handler may call.
void print_seed(const char* what) {
  const std::uint64_t seed = running_here == nullptr ? 0 : running_here->seed.load();
  if (seed == 0) return;
  char digits[24];
  std::size_t at = sizeof digits;
  for (std::uint64_t left = seed; left != 0; left /= 10) digits[--at] = static_cast<char>('0' + left % 10);
  const auto put = [](const char* text, std::size_t size) { return ::write(STDERR_FILENO, text, size) >= 0; };
  put("\nseed ", 6) && put(digits + at, sizeof digits - at) && put(what, std::char_traits<char>::length(what));
}

void on_signal(int number) {
  print_seed(" ended by a signal; replay: --seed N --trace\n");
  std::signal(number, SIG_DFL);
  ::raise(number);
}

#if defined(WEFT_SANITIZED)
void on_report() { print_seed(" is what the sanitizer's report is about; replay: --seed N --trace\n"); }
#endif

/// While it lives a run that does not end is named, and ends the program.
class Watcher {
 public:
  Watcher() : thread_([this] { watch(); }) {}
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  ~Watcher() {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

 private:
  void watch() {
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, std::chrono::seconds(1), [this] { return done_; })) {
      for (const Running& running : all_running) {
        const std::uint64_t seed = running.seed;
        if (seed == 0 || steady_clock::now() - running.since.load() < kLongestRun) continue;
        std::fprintf(stderr, "\nseed %llu does not end; replay: --seed N --trace\n",
                     static_cast<unsigned long long>(seed));
        std::abort();
      }
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread thread_;
};

ScenarioResult run_as(Running& place, std::uint64_t seed, bool traced) {
  running_here = &place;
  place.since = steady_clock::now();
  place.seed = seed;
  ScenarioResult result = run_scenario(seed, traced);
  place.seed = 0;
  return result;
}

/// From now on a signal or a sanitizer's report that ends the process prints the seed of the thread it came from. Asked
/// for each time: Catch2 installs handlers of its own for each test.
void tell_seed_of_a_crash() {
#if defined(WEFT_SANITIZED)
  __sanitizer_set_death_callback(on_report);  // which has handlers of its own for the other signals
  std::signal(SIGABRT, on_signal);
#else
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(number, on_signal);
#endif
}

}  // namespace

ScenarioResult run_watched(std::uint64_t seed, bool traced) {
  tell_seed_of_a_crash();
  const Watcher watcher;
  return run_as(all_running.back(), seed, traced);
}

Search search_seeds(std::uint64_t seeds, std::size_t most_broken) {
  Search search;
  std::mutex mutex;
  std::atomic<std::uint64_t> next{1};
  std::atomic<std::size_t> broken{0};
  const auto work = [&](Running& place) {
    for (std::uint64_t seed = next++; seed <= seeds && broken < most_broken; seed = next++) {
      ScenarioResult result = run_as(place, seed, false);
      const std::lock_guard lock(mutex);
      search.calls += result.calls;
      search.succeeded += result.succeeded;
      if (result.breaches.empty()) continue;
      ++broken;
      search.broken.push_back({.seed = seed, .breach = std::move(result.breaches.front())});
    }
  };
  tell_seed_of_a_crash();
  const Watcher watcher;
  std::thread other([&] { work(all_running[1]); });
  work(all_running[0]);
  other.join();
  return search;
}

}  // namespace weft::sim
