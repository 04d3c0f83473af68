// The table alone, with objects of the test's: no node, no actors. Built with the engine for ThreadSanitizer too.
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <weft/nodes/c/handle_table.hpp>

using namespace weft::c;

namespace {

constexpr int kThreads = 16;

/// What all objects of a test came to.
struct Count {
  std::atomic<int> closed = 0, gone = 0;
};

struct Thing : Object {
  static constexpr const char* kNoun = "thing";
  Thing(std::uint64_t its, Count& all) : serial(its), count(&all) {}
  ~Thing() override {
    serial = 0;  // whoever still reads it races with this, and ThreadSanitizer sees it
    ++count->gone;
  }
  void close() noexcept override { ++count->closed; }
  std::uint64_t serial;
  Count* count;
};
struct Other final : Object {
  static constexpr const char* kNoun = "other";
};

void* add(HandleTable& table, std::uint64_t serial, Count& count, const void* parent = nullptr) {
  const auto added = table.add(std::make_shared<Thing>(serial, count), parent);
  return added ? *added : nullptr;
}

/// Runs it on sixteen threads; what they have to say of what went wrong.
template <class Work>
std::vector<std::string> on_sixteen(Work&& work) {
  std::array<std::string, kThreads> faults;
  std::atomic<int> ready = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t != kThreads; ++t)
      threads.emplace_back([&, t] {
        ++ready;
        while (ready != kThreads) std::this_thread::yield();  // all at once
        faults[static_cast<std::size_t>(t)] = work(t);
      });
  }
  std::vector<std::string> told;
  for (std::string& fault : faults)
    if (!fault.empty()) told.push_back(std::move(fault));
  return told;
}

const std::vector<std::string> kNone;

}  // namespace

TEST_CASE("handle table: a handle is good for its kind, once, and never again", "[M-01]") {
  HandleTable table;
  Count count;
  void* const handle = add(table, 7, count);
  REQUIRE(handle != nullptr);
  CHECK((*table.find<Thing>(handle))->serial == 7);
  CHECK(table.find<Other>(handle).error().status == WEFT_ERR_INVALID_ARG);
  CHECK(table.destroy<Other>(handle).error().status == WEFT_ERR_INVALID_ARG);
  CHECK(table.destroy<Thing>(handle));
  CHECK(count.closed == 1);
  CHECK(count.gone == 1);
  CHECK(table.destroy<Thing>(handle).error().status == WEFT_ERR_INVALID_ARG);
  void* const next = add(table, 8, count);  // in its place
  CHECK(next != handle);
  CHECK_FALSE(table.find<Thing>(handle));
  CHECK_FALSE(table.add(std::make_shared<Other>(), handle));  // below one that is gone
  CHECK_FALSE(table.find<Thing>(nullptr));
  CHECK_FALSE(table.find<Thing>(&table));
  CHECK(table.destroy<Thing>(next));
}

TEST_CASE("handle table: sixteen threads use handles that are gone, while their places are taken again",
          "[M-01][M-42]") {
  constexpr std::uint64_t kGone = 64;
  constexpr int kRounds = 400;
  HandleTable table;
  Count count;
  std::vector<void*> gone;
  for (std::uint64_t serial = 1; serial <= kGone; ++serial) gone.push_back(add(table, serial, count));
  for (void* const handle : gone) REQUIRE(table.destroy<Thing>(handle));
  const auto faults = on_sixteen([&](int t) -> std::string {
    for (int round = 0; round != kRounds; ++round) {
      void* const old = gone[static_cast<std::size_t>(t * 7 + round) % gone.size()];
      if (table.find<Thing>(old)) return "one that is gone was found";
      if (table.destroy<Thing>(old)) return "one that is gone was destroyed";
      if (table.is_child(old, old)) return "one that is gone has a parent";
      // Half of them take the places again, and give them back.
      if (t % 2 != 0) continue;
      const auto serial = static_cast<std::uint64_t>(1000 + t * kRounds + round);
      void* const mine = add(table, serial, count);
      const auto found = table.find<Thing>(mine);
      if (!found || (*found)->serial != serial) return "a handle stands for another object";
      if (!table.destroy<Thing>(mine)) return "a live one could not be destroyed";
      if ((*found)->serial != serial) return "an object went under its user";
    }
    return {};
  });
  CHECK(faults == kNone);
  CHECK(count.closed == count.gone);
  CHECK(count.gone == static_cast<int>(kGone) + kThreads / 2 * kRounds);
}

TEST_CASE("handle table: sixteen threads use one handle while it is destroyed, by one of them", "[M-01][M-42]") {
  constexpr int kRounds = 200;
  for (int round = 0; round != kRounds; ++round) {
    HandleTable table;
    Count count;
    void* const handle = add(table, 42, count);
    std::atomic<int> destroyed = 0;
    const auto faults = on_sixteen([&](int) -> std::string {
      for (int use = 0; use != 8; ++use) {
        const auto found = table.find<Thing>(handle);
        if (found && (*found)->serial != 42) return "an object went under its user";
        if (use == 4 && table.destroy<Thing>(handle)) ++destroyed;
        if (use > 4 && table.find<Thing>(handle)) return "one that is gone was found";
      }
      return {};
    });
    CHECK(faults == kNone);
    CHECK(destroyed == 1);
    CHECK(count.closed == 1);
    CHECK(count.gone == 1);
  }
}

TEST_CASE("handle table: sixteen threads make children of a parent that goes: each is closed once, none stays",
          "[M-11][M-42]") {
  constexpr int kRounds = 100, kChildren = 20;
  for (int round = 0; round != kRounds; ++round) {
    HandleTable table;
    Count count;
    void* const parent = add(table, 1, count);
    std::array<std::vector<void*>, kThreads> made;
    const auto faults = on_sixteen([&](int t) -> std::string {
      auto& mine = made[static_cast<std::size_t>(t)];
      for (int n = 0; n != kChildren; ++n) {
        if (t == 0 && n == kChildren / 2 && !table.destroy<Thing>(parent)) return "the parent could not be destroyed";
        void* const child = add(table, 2, count, parent);
        if (child == nullptr) continue;  // it is gone
        mine.push_back(child);
        if (n % 3 == 0 && table.destroy<Thing>(child) && table.is_child(child, parent)) return "a child came back";
      }
      return {};
    });
    CHECK(faults == kNone);
    int children = 0;
    for (const auto& one : made) {
      children += static_cast<int>(one.size());
      for (void* const child : one) CHECK_FALSE(table.find<Thing>(child));
    }
    CHECK(count.closed == children + 1);
    CHECK(count.gone == 1 + kThreads * kChildren);  // those too that found no parent
  }
}
