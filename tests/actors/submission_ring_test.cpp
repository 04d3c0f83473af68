#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <weft/actors/submission_ring.hpp>

using weft::actors::SubmissionRing;

TEST_CASE("submission ring: work of one thread runs in the order it was pushed") {
  auto ring = weft::unwrap(SubmissionRing::open());
  std::vector<int> seen;
  for (int i = 0; i < 100; ++i) ring.push([&seen, i](weft::TimePoint) { seen.push_back(i); });
  CHECK(ring.run(weft::TimePoint{}));
  REQUIRE(seen.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(seen[static_cast<std::size_t>(i)] == i);
  CHECK_FALSE(ring.run(weft::TimePoint{}));
}

TEST_CASE("submission ring: what is pushed while its consumer prepares to sleep keeps it awake") {
  auto ring = weft::unwrap(SubmissionRing::open());
  CHECK(ring.prepare_sleep());
  ring.woke();
  ring.push([](weft::TimePoint) {});
  CHECK_FALSE(ring.prepare_sleep());
  CHECK(ring.run(weft::TimePoint{}));
  CHECK(ring.prepare_sleep());
  ring.woke();
}

TEST_CASE("submission ring: four threads push, everything runs exactly once and each thread's work in order",
          "[T-31]") {
  auto ring = weft::unwrap(SubmissionRing::open());
  constexpr int kThreads = 4;
  constexpr int kEach = 20'000;
  std::vector<int> next(kThreads, 0);
  bool in_order = true;
  int ran = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i)
        ring.push([&, t, i](weft::TimePoint) {
          in_order = in_order && next[static_cast<std::size_t>(t)]++ == i;
          ++ran;
        });
    });
  const auto end = weft::Clock::now() + std::chrono::seconds(30);
  while (ran < kThreads * kEach && weft::Clock::now() < end) ring.run(weft::TimePoint{});
  CHECK(ran == kThreads * kEach);
  CHECK(in_order);
}

TEST_CASE("submission ring: a seat is taken again and again, from within its work and by another thread", "[O-W23]") {
  auto ring = weft::unwrap(SubmissionRing::open());
  SubmissionRing::Seat mine, theirs;
  int left = 1000;
  std::function<void(weft::TimePoint)> again = [&](weft::TimePoint) {
    if (--left > 0) ring.push(mine, std::ref(again));
  };
  ring.push(mine, std::ref(again));
  std::atomic<bool> free{true};
  int ran = 0;  // on this thread only
  constexpr int kPushes = 20'000;
  const std::jthread other([&](const std::stop_token& stop) {
    for (int i = 0; i < kPushes; ++i) {
      while (!free.exchange(false)) {
        if (stop.stop_requested()) return;
        std::this_thread::yield();
      }
      ring.push(theirs, [&](weft::TimePoint) {
        ++ran;
        free = true;
      });
    }
  });
  const auto end = weft::Clock::now() + std::chrono::seconds(30);
  while ((ran < kPushes || left > 0) && weft::Clock::now() < end) ring.run(weft::TimePoint{});
  CHECK(ran == kPushes);
  CHECK(left == 0);
}

TEST_CASE("submission ring: a seat may go with what its work keeps alive, whether that runs or not", "[O-W23]") {
  struct Owner {
    SubmissionRing::Seat seat{};
  };
  for (const bool runs : {true, false}) {
    auto ring = weft::unwrap(SubmissionRing::open());
    auto owner = std::make_shared<Owner>();
    const std::weak_ptr<Owner> seen = owner;
    SubmissionRing::Seat& seat = owner->seat;
    ring.push(seat, [owner = std::move(owner)](weft::TimePoint) {});
    ring.push([](weft::TimePoint) {});
    CHECK_FALSE(seen.expired());
    if (runs)
      CHECK(ring.run(weft::TimePoint{}));
    else
      auto gone = std::move(ring);
    CHECK(seen.expired());
  }
}

TEST_CASE("submission ring: work that never ran is dropped with the ring") {
  auto kept = std::make_shared<int>(1);
  {
    auto ring = weft::unwrap(SubmissionRing::open());
    ring.push([kept](weft::TimePoint) {});
    CHECK(kept.use_count() == 2);
  }
  CHECK(kept.use_count() == 1);
}
