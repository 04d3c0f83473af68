#include <atomic>
#include <functional>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <tests/nodes/nodes.hpp>

using namespace weft;
using namespace weft::test;

TEST_CASE("callback: one that throws is told to the log, and those behind it run", "[T-15]") {
  for (const Callbacks where : {Callbacks::kThread, Callbacks::kManual}) {
    CAPTURE(static_cast<int>(where));
    std::mutex mutex;
    std::string told;
    auto server = start();
    auto client = start({.callbacks = where, .log = [&](LogLevel level, std::string_view message, auto fields) {
                           if (level != LogLevel::kError) return;
                           const std::lock_guard lock(mutex);
                           told += message;
                           for (const LogField& field : fields) told += " " + std::string(field.value);
                         }});
    need(server.put("t", blob(1000, 1)));
    std::atomic<bool> executed{false}, behind{false};
    const auto pull = [&] { return client.get(server.ticket(), "t"); };
    pull().then([](Result<Tensor>) { throw std::runtime_error("thrown by then"); });
    client.get(server.ticket(), "t", {.on_progress = [](const Progress&) { throw 7; }})
        .via([&](std::move_only_function<void()>) {
          executed = true;
          throw std::runtime_error("thrown by the executor");
        })
        .then([](Result<Tensor>) {});
    pull().then([&](Result<Tensor>) { behind = true; });
    // What is thrown is told after it was: each is waited for.
    const auto is_told = [&](const char* what) {
      return soon([&] {
        client.run_callbacks();
        const std::lock_guard lock(mutex);
        return told.find(what) != std::string::npos;
      });
    };
    for (const char* what : {"thrown by then", "thrown by the executor", "not a std::exception"}) {
      CAPTURE(what);
      CHECK(is_told(what));
    }
    CHECK(executed);
    CHECK(soon([&] {
      client.run_callbacks();
      return behind.load();
    }));
  }
}

TEST_CASE("callback: short ones in a row drive the node, and one that blocks then holds up nobody else", "[T-10]") {
  std::promise<void> blocked, go;  // before the nodes, whose end waits for the callback
  auto release = go.get_future().share();
  int left = 200;
  auto server = start();
  auto client = start();
  need(server.put("t", blob(4096, 1)));
  need(client.put("mine", blob(4096, 2)));
  std::function<void()> next = [&] {
    client.get(server.ticket(), "t").then([&](Result<Tensor> got) {
      need(std::move(got));
      if (--left != 0) return next();
      blocked.set_value();
      release.wait();
    });
  };
  next();
  blocked.get_future().wait();
  // The callbacks' thread, which drove the client until now, is stuck: the client still serves, pulls and is cancelled.
  CHECK(need(server.get(client.ticket(), "mine").wait()).bytes().size() == 4096);
  CHECK(need(client.get(server.ticket(), "t").wait()).bytes().size() == 4096);
  auto never = client.receive("nothing");
  never.cancel();
  CHECK(never.wait().error().kind() == ErrorClass::kCancelled);
  go.set_value();
}

TEST_CASE("callback: the last report of a call that succeeds is of the whole, before its result", "[T-15]") {
  for (const std::size_t bytes : {std::size_t{100}, std::size_t{64 << 20}}) {
    CAPTURE(bytes);
    auto server = start();
    auto client = start();
    need(server.put("t", blob(bytes, 1)));
    const auto state = std::make_shared<std::pair<Progress, std::atomic<int>>>();
    std::promise<Progress> at_result;
    client
        .get(server.ticket(), "t",
             {.on_progress =
                  [state](const Progress& progress) {
                    if (progress.total == 0 || progress.done > progress.total) ++state->second;
                    state->first = progress;
                  }})
        .then([&](Result<Tensor> got) {
          need(std::move(got));
          at_result.set_value(state->first);
        });
    const Progress last = at_result.get_future().get();
    CHECK(last.done == bytes);
    CHECK(last.total == bytes);
    CHECK(state->second == 0);
  }
}

TEST_CASE("future: says its progress and its id while it runs, and when it is there") {
  auto server = start();
  auto client = start();
  const auto content = noise(100, 1);
  auto held = client.push(server.ticket(), "t", TensorView::bytes(content));
  REQUIRE(soon([&] { return held.id() != TransferId{}; }));
  const TransferId running = held.id();
  CHECK_FALSE(held.ready());
  need(server.receive().wait());
  need(held.wait_for(kSoon));
  CHECK(held.id() == running);

  need(server.put("t", blob(50'000, 1)));
  auto pull = client.get(server.ticket(), "t");
  while (!pull.ready()) std::this_thread::yield();
  CHECK(pull.progress().done == 50'000);
  CHECK(pull.progress().total == 50'000);
}
