#include <atomic>
#include <future>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <weft/actors/callback_queue.hpp>

using weft::actors::CallbackQueue;

namespace {

/// A queue, and the thread that serves it.
struct Served {
  explicit Served(CallbackQueue::Drive drive = {}, weft::LogSink sink = {}) : log(std::move(sink)), queue(log) {
    queue.set_drive(std::move(drive));
    thread = std::jthread([this] { queue.serve(); });
  }
  ~Served() { end(); }
  void end() {
    queue.end();
    if (thread.joinable()) thread.join();
  }
  weft::LogSink log;
  CallbackQueue queue;
  std::jthread thread;
};

}  // namespace

TEST_CASE("callback queue: four threads give jobs, each runs once, on one thread, each thread's in order") {
  constexpr int kThreads = 4;
  constexpr int kEach = 5'000;
  std::vector<int> next(kThreads, 0);
  int ran = 0, elsewhere = 0, out_of_order = 0;
  {
    Served served;
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i)
          served.queue.run([&, t, i] {
            if (next[static_cast<std::size_t>(t)]++ != i) ++out_of_order;
            if (!served.queue.is_this_thread()) ++elsewhere;
            ++ran;
          });
      });
  }
  CHECK(ran == kThreads * kEach);
  CHECK(elsewhere == 0);
  CHECK(out_of_order == 0);
}

TEST_CASE("callback queue: its end runs what is queued, and drops what comes later with what it holds") {
  Served served;
  std::atomic<bool> go{false};
  int ran = 0;
  served.queue.run([&] { go.wait(false); });
  for (int i = 0; i < 3; ++i) served.queue.run([&] { ++ran; });
  served.queue.end();
  go = true;
  go.notify_all();
  served.end();
  CHECK(ran == 3);
  const auto held = std::make_shared<int>(1);
  served.queue.run([held, &ran] { ++ran; });
  CHECK(held.use_count() == 1);
  CHECK(ran == 3);
}

TEST_CASE("callback queue: after a short job its thread drives until the next, and runs that itself") {
  // As a loop does: what is driven gives the next job.
  std::atomic<CallbackQueue*> queue{nullptr};
  std::atomic<int> ran{0};
  int driven = 0, left_waiting = 0;
  const auto drive = [&](const std::function<bool()>& ready, weft::TimePoint until) {
    CHECK(queue.load()->is_this_thread());
    CHECK(until > weft::Clock::now() - std::chrono::seconds(30));
    ++driven;
    if (ran < 100) queue.load()->run([&] { ++ran; });
    if (ran < 100 && !ready()) ++left_waiting;
  };
  Served served(drive);
  queue = &served.queue;
  // A job that the scheduler interrupts counts as long: after it the queue waits for one from elsewhere, such as these.
  while (ran < 100) {
    std::promise<void> over;
    served.queue.run([&] { over.set_value(); });
    over.get_future().wait();
  }
  served.end();
  CHECK(driven >= 1);
  CHECK(left_waiting == 0);
}

TEST_CASE("callback queue: after a long job nobody is driven by its thread") {
  std::atomic<int> driven{0};
  Served served([&](const auto&, weft::TimePoint) { ++driven; });
  for (int i = 0; i < 3; ++i) {
    std::promise<void> over;
    served.queue.run([&] {
      for (const auto end = weft::Clock::now() + std::chrono::milliseconds(2); weft::Clock::now() < end;) {}
      over.set_value();
    });
    over.get_future().wait();
  }
  served.end();
  CHECK(driven == 0);
}

TEST_CASE("callback queue: a job that throws is told to the log, and the next one runs") {
  std::string told;
  int ran = 0;
  {
    Served served({}, [&](weft::LogLevel, std::string_view, std::span<const weft::LogField> fields) {
      for (const auto& field : fields)
        if (field.key == "exception") told = field.value;
    });
    served.queue.run([] { throw std::runtime_error("out of ideas"); });
    served.queue.run([&] { ++ran; });
  }
  CHECK(told == "out of ideas");
  CHECK(ran == 1);
}
