#include <poll.h>

#include <atomic>
#include <coroutine>
#include <exception>
#include <map>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <tests/nodes/memory_ring.hpp>

/// Grains and their results, awaited by coroutines.
using namespace weft;
using namespace weft::test;
using namespace std::chrono_literals;

namespace {

/// What a coroutine heard, and on which thread. Looked at by the test once `came` says so: the coroutine has ended
/// then.
template <class T>
struct Heard {
  std::optional<Result<T>> result{};
  std::thread::id on{};
  std::atomic<bool> came{false};
  const Result<T>& wait() const {
    REQUIRE(soon([&] { return came.load(); }));
    return *result;
  }
};

/// A coroutine that runs at once, and is destroyed with this object wherever it waits.
class Running {
 public:
  struct promise_type {
    std::atomic<bool>* ended = nullptr;
    promise_type() = default;
    template <class From, class T>
    promise_type(From&, Heard<T>& heard, const Deadline&) : ended(&heard.came) {}
    Running get_return_object() { return Running(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    auto final_suspend() const noexcept {
      struct Tell {
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<promise_type> over) const noexcept {
          if (over.promise().ended != nullptr) *over.promise().ended = true;
        }
        void await_resume() const noexcept {}
      };
      return Tell{};
    }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
  Running(Running&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Running& operator=(Running&&) = delete;
  ~Running() { drop(); }
  void drop() {
    if (coroutine_) std::exchange(coroutine_, nullptr).destroy();
  }

 private:
  explicit Running(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
  std::coroutine_handle<promise_type> coroutine_;
};

template <class From, class T>
Running hear(From& from, Heard<T>& heard, Deadline deadline) {
  auto result = co_await from.next(deadline);
  heard.on = std::this_thread::get_id();
  heard.result.emplace(std::move(result));
}
template <class From, class T>
Running hear(From& from, Heard<T>& heard) {
  return hear(from, heard, Deadline());
}

/// Nodes of a target and of an initiator that is connected to it.
struct Ends {
  explicit Ends(std::size_t grains, std::size_t bytes, NodeOptions options = {}) : memory(grains, bytes) {
    node.emplace(start(std::move(options)));
    target.emplace(need(node->open_target(ring(memory))));
    other.emplace(start());
    initiator.emplace(need(other->open_initiator()));
    until_connected(*initiator, need(initiator->add_target(target->info())));
  }
  Memory memory;
  std::optional<TensorNode> node, other;
  std::optional<Target> target;
  std::optional<Initiator> initiator;
};

/// Sends back each grain that comes, until nothing more does; counts them.
Task<Result<std::size_t>> echo(Target& from, Initiator& to) {
  for (std::size_t count = 0;; ++count) {
    const auto grain = co_await from.next(20s);
    if (!grain && grain.error().kind() == ErrorClass::kShuttingDown) co_return count;
    if (!grain) co_return std::unexpected(grain.error());
    const std::span<const std::byte> part = grain->data;
    if (auto sent = to.send(grain->index, std::span(&part, 1)); !sent) co_return std::unexpected(sent.error());
    const auto result = co_await to.next(20s);
    if (!result) co_return std::unexpected(result.error());
    if (!result->result) co_return std::unexpected(result->result.error());
    if (auto released = from.release(grain->slot); !released) co_return std::unexpected(released.error());
  }
}

/// Sends grains and awaits each of them back: how many came back as they went.
Task<Result<std::size_t>> call(Initiator& to, Target& from, std::size_t bytes, std::size_t count) {
  std::size_t same = 0;
  for (std::uint64_t index = 0; index < count; ++index) {
    const auto sent = content(index, bytes);
    const std::span<const std::byte> part(sent);
    if (auto taken = to.send(index, std::span(&part, 1)); !taken) co_return std::unexpected(taken.error());
    const auto back = co_await from.next(20s);
    if (!back) co_return std::unexpected(back.error());
    same += back->index == index && equal(back->data, sent) ? 1 : 0;
    if (auto released = from.release(back->slot); !released) co_return std::unexpected(released.error());
    const auto result = co_await to.next(20s);  // its bytes are read until then
    if (!result) co_return std::unexpected(result.error());
  }
  co_return same;
}

}  // namespace

TEST_CASE("await grains: an echo over tcp, a coroutine at each end", "[grains][await][M-32]") {
  for (const std::size_t bytes : {64uz, 300'000uz}) {
    Memory there(3, bytes), here(2, bytes);
    auto far = start();
    auto near = start();
    auto far_target = need(far.open_target(ring(there)));
    auto near_target = need(near.open_target(ring(here)));
    auto far_initiator = need(far.open_initiator());
    auto near_initiator = need(near.open_initiator());
    until_connected(far_initiator, need(far_initiator.add_target(near_target.info())));
    until_connected(near_initiator, need(near_initiator.add_target(far_target.info())));
    std::optional<Result<std::size_t>> echoed;
    std::thread server([&] { echoed.emplace(block_on(echo(far_target, far_initiator))); });
    const auto same = block_on(call(near_initiator, near_target, bytes, 200));
    far_target.close();
    server.join();
    CHECK(need(same) == 200);
    CHECK(need(*echoed) == 200);
  }
}

TEST_CASE("await grains: who waits is served in the order of coming, on the thread of callbacks", "[grains][await]") {
  Ends ends(4, 64);
  std::vector<Heard<Grain>> heard(4);
  std::vector<Running> waiting;
  for (auto& each : heard) waiting.push_back(hear(*ends.target, each));
  waiting[1].drop();
  const auto bytes = content(1, 64);
  for (const std::uint64_t index : {7, 8, 9}) send(*ends.initiator, index, bytes);
  CHECK(need(heard[0].wait()).index == 7);
  CHECK(need(heard[2].wait()).index == 8);
  CHECK(need(heard[3].wait()).index == 9);
  CHECK_FALSE(heard[1].came);
  for (const std::size_t i : {0, 2, 3}) {
    CHECK(heard[i].on == heard[0].on);
    CHECK(heard[i].on != std::this_thread::get_id());
  }
  CHECK(ends.target->stats().held == 3);
}

TEST_CASE("await grains: what is there is given without a wait, and many coroutines take each once",
          "[grains][await]") {
  constexpr std::uint64_t kGrains = 1000;
  Ends ends(200, 64, {.callbacks = Callbacks::kManual});
  const auto bytes = content(1, 64);
  std::uint64_t taken = 0;
  std::vector<int> times(kGrains);
  const auto work = [&](Target& from) -> Running {
    for (;;) {
      const auto grain = co_await from.next(20s);
      if (!grain) co_return;
      ++times[grain->index];
      ++taken;
      (void)from.release(grain->slot);
    }
  };
  for (std::uint64_t index = 0; index < kGrains; ++index) send(*ends.initiator, index, bytes);
  REQUIRE(soon([&] { return ends.target->stats().waiting == 200; }));
  std::vector<Running> workers;
  for (int i = 0; i < 3; ++i) workers.push_back(work(*ends.target));
  CHECK(taken == 64);  // a burst does not keep who began: the rest comes where callbacks run
  pollfd waits{.fd = ends.node->event_fd(), .events = POLLIN, .revents = 0};
  while (taken != kGrains) {
    REQUIRE(::poll(&waits, 1, 20'000) == 1);
    const std::uint64_t before = taken;
    CHECK(ends.node->run_callbacks() == 1);
    CHECK(taken - before <= 128);
  }
  CHECK(std::ranges::all_of(times, [](int each) { return each == 1; }));
}

TEST_CASE("await grains: a coroutine that goes while its grain is on the way to it leaves the grain",
          "[grains][await][M-32]") {
  const auto fifth = content(5, 64), sixth = content(6, 64);  // outlive who sends them, whatever fails
  Ends ends(4, 64, {.callbacks = Callbacks::kManual});
  Heard<Grain> gone, next;
  auto first = hear(*ends.target, gone);
  auto second = hear(*ends.target, next);
  send(*ends.initiator, 5, fifth);
  pollfd waits{.fd = ends.node->event_fd(), .events = POLLIN, .revents = 0};
  REQUIRE(::poll(&waits, 1, 20'000) == 1);  // it is about to be served
  first.drop();
  CHECK_FALSE(next.came);
  CHECK(ends.node->run_callbacks() == 1);
  CHECK_FALSE(gone.came);
  REQUIRE(next.came);
  CHECK(need(*next.result).index == 5);
  CHECK(next.on == std::this_thread::get_id());

  auto third = hear(*ends.target, gone);
  send(*ends.initiator, 6, sixth);
  REQUIRE(::poll(&waits, 1, 20'000) == 1);
  third.drop();
  ends.node->run_callbacks();
  const auto left = ends.target->read(20s);  // the descriptor may ring for what is gone already
  REQUIRE(left);
  CHECK(left->index == 6);
  CHECK(equal(left->data, sixth));
  { const auto never_awaited = ends.target->next(); }
  CHECK_FALSE(ends.target->try_read());
}

TEST_CASE("await grains: a wait ends at its deadline, and others go on", "[grains][await]") {
  Ends ends(4, 64);
  Heard<Grain> longer, shorter, none;
  auto first = hear(*ends.target, longer, 20s);
  auto second = hear(*ends.target, shorter, 20ms);
  CHECK(failure(shorter.wait()) == ErrorClass::kDeadlineExceeded);
  auto third = hear(*ends.target, none, 0ms);
  REQUIRE(none.came);  // at once, and here
  CHECK(failure(*none.result) == ErrorClass::kDeadlineExceeded);
  CHECK(none.on == std::this_thread::get_id());
  CHECK_FALSE(longer.came);
  Heard<Grain> again;
  auto fourth = hear(*ends.target, again, 30ms);
  CHECK(failure(again.wait()) == ErrorClass::kDeadlineExceeded);
  const auto bytes = content(3, 64);
  send(*ends.initiator, 3, bytes);
  CHECK(need(longer.wait()).index == 3);
}

TEST_CASE("await grains: closing, stopping and destroying wake who waits", "[grains][await]") {
  for (const int how : {0, 1, 2, 3}) {
    CAPTURE(how);
    Ends ends(4, 64);
    std::vector<Heard<Grain>> grains(100);
    Heard<GrainResult> result;
    std::vector<Running> waiting;
    for (auto& each : grains) waiting.push_back(hear(*ends.target, each));
    waiting.push_back(hear(*ends.initiator, result));
    if (how == 0) ends.target->close();
    if (how == 0) ends.initiator->close();
    if (how == 1) ends.node->stop().detach();
    if (how == 1) ends.other->stop().detach();
    if (how == 3) ends.node->stop(Clock::now()).detach();  // no time for its peer's last word
    if (how == 3) ends.other->stop(Clock::now()).detach();
    if (how >= 2) ends.node.reset();
    if (how >= 2) ends.other.reset();
    for (const auto& each : grains) CHECK(failure(each.wait()) == ErrorClass::kShuttingDown);
    CHECK(failure(result.wait()) == ErrorClass::kShuttingDown);
    Heard<Grain> late;
    auto another = hear(*ends.target, late);
    REQUIRE(late.came);
    CHECK(failure(*late.result) == ErrorClass::kShuttingDown);
  }
}

TEST_CASE("await grains: results come to who waits, failures too", "[grains][await]") {
  Ends ends(1, 64);
  Heard<GrainResult> first, second;
  auto one = hear(*ends.initiator, first);
  auto two = hear(*ends.initiator, second);
  const auto bytes = content(1, 64);
  send(*ends.initiator, 11, bytes);
  CHECK(need(first.wait()).index == 11);
  CHECK(need(*first.result).result.has_value());
  CHECK_FALSE(second.came);
  send(*ends.initiator, 12, bytes, {.deadline = 10ms});  // its slot is held
  CHECK(need(second.wait()).index == 12);
  CHECK(need(*second.result).result.error().kind() == ErrorClass::kDeadlineExceeded);
}

TEST_CASE("await grains: where a function takes them, a wait says so", "[grains][await]") {
  Memory memory(2, 64);
  auto node = start();
  auto options = ring(memory);
  options.on_grain = [](const Grain&) {};
  auto target = need(node.open_target(std::move(options)));
  auto initiator = need(node.open_initiator({.on_result = [](const GrainResult&) {}}));
  Heard<Grain> grain;
  Heard<GrainResult> result;
  auto one = hear(target, grain);
  auto two = hear(initiator, result);
  CHECK(failure(grain.wait()) == ErrorClass::kInvalidArgument);
  CHECK(failure(result.wait()) == ErrorClass::kInvalidArgument);
}

TEST_CASE("grains: a reader that waits is woken when its node goes", "[grains]") {
  for (const bool in_haste : {false, true}) {
    CAPTURE(in_haste);
    Ends ends(2, 64);
    std::optional<Result<Grain>> read;
    std::atomic<bool> over = false;
    std::thread reader([&] {
      read.emplace(ends.target->read(100s));
      over = true;
    });
    if (in_haste) need(ends.node->stop(Clock::now()).wait());  // no time for its peer's last word
    ends.node.reset();
    REQUIRE(soon([&] { return over.load(); }));
    reader.join();
    CHECK(failure(*read) == ErrorClass::kShuttingDown);
    pollfd waits{.fd = ends.target->event_fd(), .events = POLLIN, .revents = 0};
    CHECK(::poll(&waits, 1, 0) == 1);
  }
}
