#include <poll.h>

#include <atomic>
#include <future>
#include <thread>

#include <tests/nodes/nodes.hpp>

using namespace weft;
using namespace weft::test;

namespace {

struct Pair {
  TensorNode server = start();
  TensorNode client = start();
  Ticket ticket = server.ticket();
  explicit Pair(std::size_t bytes = 1000) { need(server.put("t", blob(bytes, 1))); }
  Future<Tensor> get(GetOptions options = GetOptions()) { return client.get(ticket, "t", std::move(options)); }
};

Task<Result<std::size_t>> pull_twice(Pair& pair) {
  auto first = co_await pair.get();
  if (!first) co_return fail(first.error());
  auto second = co_await pair.client.get(pair.ticket, *first);
  if (!second) co_return fail(second.error());
  co_return first->bytes().size() + second->bytes().size();
}

}  // namespace

TEST_CASE("future: its result is taken once, by wait, wait_for or poll") {
  Pair pair;
  auto future = pair.get();
  CHECK(same_bytes(need(future.wait()), noise(1000, 1)));
  CHECK(future.ready());
  CHECK(failure(future.wait()) == ErrorClass::kInvalidArgument);
  CHECK(failure(*future.wait_for(std::chrono::seconds(1))) == ErrorClass::kInvalidArgument);
  CHECK(failure(*future.poll()) == ErrorClass::kInvalidArgument);

  auto timed = pair.get();
  need(timed.wait_for(kSoon));
  auto polled = pair.get();
  std::optional<Result<Tensor>> result;
  while (!(result = polled.poll())) std::this_thread::yield();
  need(std::move(result));
}

TEST_CASE("future: wait_for gives up and the call goes on") {
  Pair pair;
  auto held = pair.client.receive();
  CHECK_FALSE(held.wait_for(std::chrono::milliseconds(5)).has_value());
  CHECK_FALSE(held.poll().has_value());
  CHECK_FALSE(held.ready());
  const auto content = noise(5, 1);
  need(pair.server.push(pair.client.ticket(), "x", TensorView::bytes(content)).wait());
  need(held.wait_for(kSoon));
}

TEST_CASE("future: a bad call is ready at once") {
  Pair pair;
  auto future = pair.client.get("no ticket", "t");
  CHECK(future.ready());
  CHECK(failure(future.wait()) == ErrorClass::kMalformed);
}

TEST_CASE("future: then runs on one thread of the node, never on the caller's", "[T-15]") {
  Pair pair;
  std::promise<std::thread::id> first, second;
  std::atomic<int> failed{0};
  pair.get().then([&](Result<Tensor> got) {
    failed += !got;
    first.set_value(std::this_thread::get_id());
  });
  auto ready = pair.get();
  while (!ready.ready()) std::this_thread::yield();
  std::move(ready).then([&](Result<Tensor> got) {
    failed += !got;
    second.set_value(std::this_thread::get_id());
  });
  const auto one = first.get_future().get();
  CHECK(one == second.get_future().get());
  CHECK(one != std::this_thread::get_id());
  CHECK(failed == 0);
}

TEST_CASE("future: via moves the callback to an executor") {
  Pair pair;
  std::vector<std::move_only_function<void()>> queue;
  std::mutex mutex;
  std::atomic<bool> called{false};
  std::thread::id ran;
  pair.get()
      .via([&](std::move_only_function<void()> work) {
        const std::lock_guard lock(mutex);
        queue.push_back(std::move(work));
      })
      .then([&](Result<Tensor> got) {
        need(std::move(got));
        ran = std::this_thread::get_id();
        called = true;
      });
  CHECK(soon([&] {
    std::vector<std::move_only_function<void()>> due;
    {
      const std::lock_guard lock(mutex);
      due.swap(queue);
    }
    for (auto& work : due) work();
    return called.load();
  }));
  CHECK(ran == std::this_thread::get_id());
}

TEST_CASE("future: a task awaits one after the other") {
  Pair pair(100'000);
  CHECK(need(block_on(pull_twice(pair))) == 200'000);
}

TEST_CASE("future: a callback may pull again, and wait") {
  Pair pair(100'000);
  std::promise<std::size_t> total;
  pair.get().then([&](Result<Tensor> first) {
    const auto second = pair.get().wait();
    total.set_value((first ? first->bytes().size() : 0) + (second ? second->bytes().size() : 0));
  });
  CHECK(total.get_future().get() == 200'000);
}

TEST_CASE("future: manual callbacks wait for their owner, and a descriptor says so") {
  Pair pair;
  auto manual = start({.callbacks = Callbacks::kManual});
  bool called = false;
  manual.get(pair.ticket, "t").then([&](Result<Tensor> got) {
    need(std::move(got));
    called = true;
  });
  pollfd waits{.fd = manual.event_fd(), .events = POLLIN, .revents = 0};
  REQUIRE(::poll(&waits, 1, 20'000) == 1);
  CHECK_FALSE(called);
  CHECK(manual.run_callbacks() == 1);
  CHECK(called);
  CHECK(::poll(&waits, 1, 0) == 0);
  CHECK(manual.run_callbacks() == 0);
  CHECK(pair.client.event_fd() < 0);
}

TEST_CASE("future: cancelled calls say so, also from another thread", "[T-W6]") {
  Pair pair;
  auto held = pair.client.receive();
  std::thread other([&] { held.cancel(); });
  CHECK(failure(held.wait()) == ErrorClass::kCancelled);
  other.join();
  const auto content = noise(100'000, 1);
  auto push = pair.client.push(pair.ticket, "x", TensorView::bytes(content));
  push.cancel();
  CHECK(failure(push.wait()) == ErrorClass::kCancelled);
}

TEST_CASE("future: dropped or cancelled in mid-pull, nothing is written afterwards", "[N9]") {
  constexpr std::size_t kBytes = 64 << 20;
  Pair pair(kBytes);
  std::vector<std::uint8_t> memory(kBytes);
  const auto into = MutableTensorView::of<std::uint8_t>(memory, {static_cast<std::int64_t>(kBytes)});
  for (const bool drop : {true, false}) {
    CAPTURE(drop);
    {
      auto pull = pair.get({.into = into});
      while (pull.progress().done == 0 && !pull.ready()) std::this_thread::yield();
      if (!drop) pull.cancel();
    }
    std::fill(memory.begin(), memory.end(), std::uint8_t{0xEE});
    for (int i = 0; i < 30; ++i) need(pair.client.ping(pair.ticket).wait());
    need(pair.get().wait());
    CHECK(static_cast<std::size_t>(std::count(memory.begin(), memory.end(), std::uint8_t{0xEE})) == kBytes);
  }
}

TEST_CASE("future: detached, the call goes to its end") {
  Pair pair;
  auto held = pair.server.receive();
  static const auto content = noise(100'000, 3);
  pair.client.push(pair.ticket, "x", TensorView::bytes(content)).detach();
  CHECK(same_bytes(need(held.wait()), content));
}

TEST_CASE("future: progress grows to the whole, and is reported where callbacks run") {
  constexpr std::size_t kBytes = 256 << 20;
  Pair pair(kBytes);
  std::atomic<std::uint64_t> reports{0}, reported{0}, backwards{0};
  auto pull = pair.get({.on_progress = [&](const Progress& progress) {
    ++reports;
    if (progress.done < reported) ++backwards;
    if (progress.total != 0) reported = progress.done;
  }});
  std::uint64_t most = 0, wrong = 0;
  while (!pull.ready()) {
    const Progress progress = pull.progress();
    most = std::max(most, progress.done);
    wrong += progress.total != 0 && progress.total != kBytes;
  }
  need(pull.wait());
  CHECK(most > 0);
  CHECK(wrong == 0);
  CHECK(backwards == 0);
  CHECK(reports > 0);
}

TEST_CASE("future: waits of any length are waits", "[future]") {
  Pair pair;
  need(pair.get().wait_for(Duration::max()));
  need(pair.get().wait_for(std::chrono::hours::max()));
  need(pair.get({.deadline = Duration::max()}).wait());
  need(pair.get({.deadline = std::chrono::hours::max()}).wait());
  auto push = pair.client.push(pair.ticket, "held", TensorView::bytes({}));
  CHECK_FALSE(push.wait_for(std::chrono::seconds(-1)).has_value());
  CHECK_FALSE(push.wait_for(Duration::min()).has_value());
}
