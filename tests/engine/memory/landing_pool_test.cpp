#include <weft/memory/landing_pool.hpp>

#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <set>
#include <thread>

using namespace weft;
using namespace weft::memory;

namespace {

constexpr std::size_t kMiB = 1024 * 1024;

Landing grown(LandingPool& pool, std::size_t bytes) {
  auto landing = pool.grow(bytes);
  if (!landing) FAIL(landing.error().to_string());
  return std::move(*landing);
}

}  // namespace

TEST_CASE("landing pool: a cold pool has nothing, a grown landing fits and comes back warm", "[memory]") {
  LandingPool pool{{.warm_bytes = 256 * kMiB, .max_bytes = 256 * kMiB}};
  for (const std::size_t bytes : {std::size_t{1}, LandingPool::kSmallestBytes, LandingPool::kSmallestBytes + 1, kMiB,
                                  2 * kMiB + 1, 5 * kMiB, 33 * kMiB}) {
    CHECK_FALSE(LandingPool{{}}.take(bytes));
    Landing landing = grown(pool, bytes);
    REQUIRE(landing);
    CHECK(landing.size() == bytes);
    std::ranges::fill(landing.bytes(), std::byte{7});
    const std::byte* address = landing.data();
    landing.reset();
    auto again = pool.take(bytes);
    REQUIRE(again);
    CHECK(again->data() == address);  // last in, first out
    CHECK(again->size() == bytes);
    std::ranges::fill(again->bytes(), std::byte{8});
  }
  CHECK_FALSE(pool.take(0));
  CHECK(pool.grow(0).error().kind() == ErrorClass::kInvalidArgument);
  CHECK(pool.grow(SIZE_MAX).error().kind() == ErrorClass::kInvalidArgument);
}

TEST_CASE("landing pool: leases never overlap, and one growth serves many small ones", "[memory]") {
  LandingPool pool{{.warm_bytes = 64 * kMiB, .max_bytes = 64 * kMiB}};
  std::vector<Landing> leases;
  leases.push_back(grown(pool, 100'000));
  while (auto landing = pool.take(100'000)) leases.push_back(std::move(*landing));
  CHECK(leases.size() == 2 * kMiB / (7 * LandingPool::kSmallestBytes / 4));
  leases.push_back(grown(pool, 300'000));
  while (auto landing = pool.take(200'000)) leases.push_back(std::move(*landing));
  std::ranges::sort(leases, {}, &Landing::data);
  for (std::size_t i = 1; i < leases.size(); ++i)
    CHECK(leases[i - 1].data() + leases[i - 1].size() <= leases[i].data());
  CHECK(pool.live_bytes() == 4 * kMiB);
}

TEST_CASE("landing pool: what comes back last is taken first", "[memory]") {
  LandingPool pool{{}};
  Landing first = grown(pool, 4 * kMiB);
  Landing second = grown(pool, 4 * kMiB);
  const std::byte* last = first.data();
  second.reset();
  first.reset();
  const auto taken = pool.take(4 * kMiB);
  REQUIRE(taken);
  CHECK(taken->data() == last);
}

TEST_CASE("landing pool: a warm landing of up to twice the size will do, a larger one is kept", "[memory]") {
  LandingPool pool{{}};
  grown(pool, 16 * kMiB).reset();
  CHECK_FALSE(pool.take(4 * kMiB));
  CHECK(pool.take(8 * kMiB));
}

TEST_CASE("landing pool: past the warm budget the longest idle is given up", "[memory]") {
  LandingPool pool{{.warm_bytes = 10 * kMiB, .max_bytes = 100 * kMiB}};
  Landing old = grown(pool, 4 * kMiB);
  Landing middle = grown(pool, 4 * kMiB);
  Landing young = grown(pool, 4 * kMiB);
  const std::byte* kept = young.data();
  old.reset();
  pool.collect();
  middle.reset();
  pool.collect();
  CHECK(pool.idle_bytes() == 8 * kMiB);
  CHECK_FALSE(pool.has_excess());
  young.reset();
  pool.collect();
  CHECK(pool.idle_bytes() == 8 * kMiB);
  CHECK(pool.live_bytes() == 8 * kMiB);
  CHECK(pool.drain_excess().size() == 1);
  CHECK_FALSE(pool.has_excess());
  const auto taken = pool.take(4 * kMiB);
  REQUIRE(taken);
  CHECK(taken->data() == kept);
}

TEST_CASE("landing pool: the hard limit holds, and idle memory makes way for what is needed", "[memory]") {
  LandingPool pool{{.warm_bytes = 100 * kMiB, .max_bytes = 16 * kMiB}};
  Landing kept = grown(pool, 4 * kMiB);
  grown(pool, 12 * kMiB).reset();
  const auto refused = pool.grow(8 * kMiB);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind() == ErrorClass::kResourceExhausted);
  CHECK_FALSE(refused.error().hint().empty());
  CHECK(pool.live_bytes() == 16 * kMiB);
  const auto taken = pool.take(4 * kMiB);  // 12 MiB are more than twice as much: given up instead
  CHECK_FALSE(taken);
  CHECK(pool.has_excess());
  CHECK(pool.grow(8 * kMiB));
  CHECK(pool.live_bytes() == 12 * kMiB);
}

TEST_CASE("landing pool: a lease outlives its pool", "[memory]") {
  Landing survivor;
  {
    LandingPool pool{{}};
    survivor = grown(pool, 3 * kMiB);
    grown(pool, 100'000).reset();
  }
  std::ranges::fill(survivor.bytes(), std::byte{9});
  CHECK(survivor.bytes().back() == std::byte{9});
  survivor.reset();
  CHECK_FALSE(survivor);
}

TEST_CASE("landing pool: leases may be grown and dropped on any thread", "[memory][T-31]") {
  LandingPool pool{{.warm_bytes = 32 * kMiB, .max_bytes = 64 * kMiB}};
  constexpr int kLeases = 20'000;
  std::atomic<Landing*> mailbox{nullptr};
  std::atomic<bool> done{false};
  std::size_t wrong = 0;
  std::thread consumer{[&] {
    while (true) {
      Landing* landing = mailbox.exchange(nullptr, std::memory_order_acquire);
      if (landing == nullptr) {
        if (done.load(std::memory_order_acquire) && mailbox.load(std::memory_order_acquire) == nullptr) return;
        std::this_thread::yield();
        continue;
      }
      wrong += landing->data()[0] == landing->bytes().back() ? 0 : 1;
      delete landing;
    }
  }};
  std::thread grower{[&] {
    for (int i = 0; i < 200; ++i) {
      if (auto landing = pool.grow(200'000)) landing->data()[0] = std::byte{1};
    }
  }};
  Landing reserve = grown(pool, 200'000);
  for (int i = 0; i < kLeases; ++i) {
    auto landing = pool.take(150'000 + static_cast<std::size_t>(i) % 50'000);
    if (!landing) {
      pool.drain_excess();
      std::this_thread::yield();
      continue;
    }
    landing->data()[0] = landing->bytes().back() = static_cast<std::byte>(i);
    auto* parcel = new Landing{std::move(*landing)};
    Landing* none = nullptr;
    while (!mailbox.compare_exchange_weak(none, parcel, std::memory_order_release, std::memory_order_relaxed)) {
      none = nullptr;
      std::this_thread::yield();
    }
  }
  done.store(true, std::memory_order_release);
  consumer.join();
  grower.join();
  CHECK(wrong == 0);
  CHECK(pool.live_bytes() <= 64 * kMiB);
  reserve.reset();
  pool.collect();
  CHECK(pool.idle_bytes() <= 32 * kMiB);
  CHECK(pool.live_bytes() - pool.idle_bytes() < 8 * kMiB);  // all is back, but for the ends that a cut leaves
}
