#include <algorithm>
#include <atomic>
#include <thread>

#include <tests/nodes/nodes.hpp>

using namespace weft;
using namespace weft::test;

TEST_CASE("load: a thousand pulls at once, each gets its own", "[T-07][T-10]") {
  auto server = start();
  auto client = start();
  for (std::size_t i = 0; i < 1000; ++i) need(server.put("t" + std::to_string(i), blob(i * 37, i)));
  std::vector<Future<Tensor>> pulls;
  for (std::size_t i = 0; i < 1000; ++i) pulls.push_back(client.get(server.ticket(), "t" + std::to_string(i)));
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < 1000; ++i) wrong += !same_bytes(need(pulls[i].wait_for(kSoon)), noise(i * 37, i));
  CHECK(wrong == 0);
  CHECK(client.stats().dials == 1);
}

TEST_CASE("load: more pulls than a session may have open wait for room", "[T-07]") {
  auto server = start();
  auto client = start();
  need(server.put("t", blob(20'000, 1)));
  const auto expected = noise(20'000, 1);
  std::vector<Future<Tensor>> pulls;
  for (std::size_t i = 0; i < std::size_t{3} * kMaxOpenTransfers; ++i)
    pulls.push_back(client.get(server.ticket(), "t"));
  std::size_t wrong = 0;
  for (auto& pull : pulls) wrong += !same_bytes(need(pull.wait_for(kSoon)), expected);
  CHECK(wrong == 0);
}

TEST_CASE("load: four threads pull 64 MiB at a time, whole", "[T-07][T-31]") {
  constexpr std::size_t kBytes = 64 << 20;
  auto server = start();
  auto client = start();
  need(server.put("t", blob(kBytes, 1)));
  const auto expected = noise(kBytes, 1);
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::vector<std::uint8_t> memory(t % 2 == 0 ? kBytes : 0);
      GetOptions options;
      if (t % 2 == 0) options.into = MutableTensorView::of<std::uint8_t>(memory, {static_cast<std::int64_t>(kBytes)});
      for (int i = 0; i < 2; ++i) {
        const auto got = client.get(server.ticket(), "t", options).wait();
        if (got && same_bytes(*got, expected)) ++right;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(right == 8);
}

TEST_CASE("load: small pulls, pushes and listings go on beside a large pull", "[T-10][T-31]") {
  constexpr std::size_t kBytes = 128 << 20;
  auto server = start();
  auto client = start();
  need(server.put("large", blob(kBytes, 1)));
  need(server.put("small", blob(4096, 2)));
  auto large = client.get(server.ticket(), "large");
  const auto content = noise(4096, 2);
  int beside = 0;
  while (!large.ready()) {
    CHECK(same_bytes(need(client.get(server.ticket(), "small").wait()), content));
    auto waiting = server.receive();
    need(client.push(server.ticket(), "x", TensorView::bytes(content)).wait());
    need(waiting.wait());
    CHECK(need(client.list(server.ticket()).wait()).size() == 2);
    ++beside;
  }
  CHECK(beside > 0);
  CHECK(same_bytes(need(large.wait()), noise(kBytes, 1)));
}

TEST_CASE("deadline: after it the caller's memory is its own again", "[T-05]") {
  constexpr std::size_t kBytes = 64 << 20;
  auto server = start();
  auto client = start();
  need(server.put("t", blob(kBytes, 1)));
  need(client.get(server.ticket(), "t").wait());  // session, rail and memory are warm
  std::vector<std::uint8_t> memory(kBytes);
  int exceeded = 0;
  for (const int microseconds : {100, 1000, 3000, 6000}) {
    CAPTURE(microseconds);
    const auto got = client
                         .get(server.ticket(), "t",
                              {.into = MutableTensorView::of<std::uint8_t>(memory, {static_cast<std::int64_t>(kBytes)}),
                               .deadline = std::chrono::microseconds(microseconds)})
                         .wait();
    std::fill(memory.begin(), memory.end(), std::uint8_t{0xEE});
    if (!got) {
      CHECK(failure(got) == ErrorClass::kDeadlineExceeded);
      ++exceeded;
    }
    // What was on its way has come by the time that later transfers have, over the same rails and over new ones.
    for (int i = 0; i < 3; ++i) CHECK(same_bytes(need(client.get(server.ticket(), "t").wait()), noise(kBytes, 1)));
    CHECK(static_cast<std::size_t>(std::count(memory.begin(), memory.end(), std::uint8_t{0xEE})) == kBytes);
  }
  CHECK(exceeded > 0);
}

TEST_CASE("limits: what is larger than the landings' budget is refused before a byte of it", "[T-09]") {
  auto server = start();
  auto client = start({.limits = {.memory_bytes = 8 << 20}});
  need(server.put("large", blob(16 << 20, 1)));
  need(server.put("small", blob(1 << 20, 2)));
  const auto refused = client.get(server.ticket(), "large").wait();
  CHECK(failure(refused) == ErrorClass::kResourceExhausted);
  CHECK(refused.error().hint().find("memory_bytes") != std::string_view::npos);
  CHECK(same_bytes(need(client.get(server.ticket(), "small").wait()), noise(1 << 20, 2)));
  CHECK(client.get(server.ticket(), "large", {.slice = {{0, 1000}}}).wait().has_value());
}
