#include <weft/task.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <catch2/catch_test_macros.hpp>

using weft::block_on;
using weft::Task;

namespace {

Task<int> give(int value) { co_return value; }
Task<int> sum(int count) {
  int total = 0;
  for (int i = 0; i < count; ++i) total += co_await give(1);
  co_return total;
}
Task<> note(int& runs) {
  ++runs;
  co_return;
}
Task<int> throws() {
  throw std::runtime_error("no");
  co_return 0;
}

/// Resumes on a thread of its own.
struct Elsewhere {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const {
    std::thread([handle] { handle.resume(); }).detach();
  }
  void await_resume() const noexcept {}
};
Task<std::thread::id> hop() {
  co_await Elsewhere{};
  co_return std::this_thread::get_id();
}
Task<std::unique_ptr<std::string>> owned(std::unique_ptr<std::string> text) { co_return std::move(text); }

}  // namespace

TEST_CASE("task: nothing runs before it is awaited, and then once") {
  int runs = 0;
  { const auto never = note(runs); }
  CHECK(runs == 0);
  block_on(note(runs));
  CHECK(runs == 1);
}

TEST_CASE("task: tasks await tasks, many in a row, and give values that only move") {
  CHECK(block_on(sum(10'000)) == 10'000);
  CHECK(*block_on(owned(std::make_unique<std::string>("kept"))) == "kept");
}

TEST_CASE("task: block_on waits for a task that goes on elsewhere") {
  CHECK(block_on(hop()) != std::this_thread::get_id());
}

TEST_CASE("task: what a body throws comes out of block_on") { CHECK_THROWS_AS(block_on(throws()), std::runtime_error); }

TEST_CASE("task: a moved one runs where it went") {
  int runs = 0;
  Task<> first = note(runs);
  Task<> second = std::move(first);
  block_on(std::move(second));
  CHECK(runs == 1);
}
