#include <dirent.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <future>
#include <optional>
#include <string>
#include <thread>

#include <tests/nodes/loopback.hpp>
#include <tests/nodes/nodes.hpp>

using namespace weft;
using namespace weft::test;

namespace {

std::size_t count_in(const char* folder) {
  std::size_t count = 0;
  DIR* dir = ::opendir(folder);
  REQUIRE(dir != nullptr);
  while (::readdir(dir) != nullptr) ++count;
  ::closedir(dir);
  return count;
}
std::size_t open_fds() { return count_in("/proc/self/fd"); }
std::size_t threads() { return count_in("/proc/self/task"); }

Duration worked(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

TEST_CASE("life: a node may end on another thread than it began on", "[T-31]") {
  for (int round = 0; round != 5; ++round) {
    std::optional<TensorNode> node(*TensorNode::start());
    if (round % 2 != 0) std::thread([&] { node->stop().wait().value(); }).join();
    std::thread([&] { node.reset(); }).join();
  }
}

TEST_CASE("life: stopped twice, from any thread and a callback, a node says ShuttingDown afterwards",
          "[T-02][T-13][T-W2][F28]") {
  auto server = start();
  auto node = start();
  need(server.put("t", blob(100'000, 1)));
  std::promise<bool> stopped;
  node.get(server.ticket(), "t").then([&](Result<Tensor>) { stopped.set_value(node.stop().wait().has_value()); });
  CHECK(stopped.get_future().get());
  need(node.stop().wait());
  CHECK(std::async(std::launch::async, [&] { return node.stop().wait().has_value(); }).get());
  CHECK(failure(node.get(server.ticket(), "t").wait()) == ErrorClass::kShuttingDown);
  CHECK(failure(node.receive().wait()) == ErrorClass::kShuttingDown);
  CHECK(failure(node.list(server.ticket()).wait()) == ErrorClass::kShuttingDown);
  CHECK(failure(node.push(server.ticket(), "x", TensorView::bytes(noise(10, 1))).wait()) == ErrorClass::kShuttingDown);
  CHECK(failure(node.on_offer("*", [](const Offer&) -> Result<MutableTensorView> { return MutableTensorView(); })) ==
        ErrorClass::kShuttingDown);
  CHECK_FALSE(node.try_receive().has_value());
  const auto refused = node.ping(server.ticket()).wait();
  CHECK(failure(refused) == ErrorClass::kShuttingDown);
  CHECK(refused.error().message().find("not started") != std::string_view::npos);
}

TEST_CASE("life: a node that spins for long waits no longer than it is told to, ends at once, and sleeps when stopped",
          "[T-13][T-31]") {
  // By how much the processors worked, which no other program on them changes: a spin that is sat out is a second.
  constexpr int kRounds = 6;
  const NodeOptions options{.spin = std::chrono::seconds(1)};
  const Duration begun = worked(CLOCK_PROCESS_CPUTIME_ID);
  for (int round = 0; round < kRounds; ++round) {
    auto node = start(options);
    auto waiting = node.receive();
    CHECK_FALSE(waiting.wait_for(std::chrono::milliseconds(1)).has_value());
    need(node.stop().wait());
  }
  CHECK(worked(CLOCK_PROCESS_CPUTIME_ID) - begun < kRounds * options.spin / 2);
  auto node = start(options);
  need(node.stop().wait());
  // A thread that spins gets as much of the processors as this one, which works meanwhile.
  const Duration all = worked(CLOCK_PROCESS_CPUTIME_ID), own = worked(CLOCK_THREAD_CPUTIME_ID);
  Duration mine{};
  while (mine < std::chrono::milliseconds(200)) mine = worked(CLOCK_THREAD_CPUTIME_ID) - own;
  CHECK(worked(CLOCK_PROCESS_CPUTIME_ID) - all < mine + mine / 4);
  for (const auto spin : {Duration(-1), Duration(std::chrono::seconds(2)), Duration::max()})
    CHECK(failure(TensorNode::start({.spin = spin})) == ErrorClass::kInvalidArgument);
}

TEST_CASE("life: a port is free again as soon as stop has returned", "[T-02][T-13]") {
  auto node = start();
  std::string address = node.ticket().addresses.front();
  address.erase(0, std::string("tcp://").size());
  for (int i = 0; i < 5; ++i) {
    need(node.stop().wait());
    node = start({.listen = {address}});
  }
  auto client = start();
  need(client.ping(node.ticket()).wait());
}

TEST_CASE("life: a waiting receive ends with the node", "[T-13]") {
  auto node = start();
  auto waiting = node.receive();
  auto stopper = std::async(std::launch::async, [&] { return node.stop().wait().has_value(); });
  CHECK(failure(waiting.wait()) == ErrorClass::kShuttingDown);
  CHECK(stopper.get());
}

TEST_CASE("life: a receive that drives the loop wakes when the node stops, every time", "[T-13]") {
  for (int round = 0; round < 20; ++round) {  // those who sleep on would take longer than any test may
    auto node = start();
    std::atomic<bool> waits{false};
    std::thread receiver([&] {
      auto waiting = node.receive();
      waits = true;
      CHECK(failure(waiting.wait()) == ErrorClass::kShuttingDown);
    });
    while (!waits) std::this_thread::yield();
    for (int i = 0; i < round * 50; ++i) std::this_thread::yield();
    auto first = node.stop();
    auto second = node.stop();
    need(second.wait_for(kSoon));
    need(first.wait_for(kSoon));
    receiver.join();
  }
}

TEST_CASE("life: what a stopped node is asked of itself says ShuttingDown too", "[T-13]") {
  auto node = start();
  const Ticket ticket = node.ticket();
  const auto content = noise(10, 1);
  need(node.put("t", blob(10, 1)));
  need(node.stop().wait());
  CHECK(failure(node.get(ticket, "t").wait()) == ErrorClass::kShuttingDown);
  CHECK(failure(node.get_many(ticket, {{.name = "t"}}).wait()) == ErrorClass::kShuttingDown);
  CHECK(failure(node.list(ticket).wait()) == ErrorClass::kShuttingDown);
  CHECK(failure(node.ping(ticket).wait()) == ErrorClass::kShuttingDown);
  CHECK(failure(node.explain(ticket, "t").wait()) == ErrorClass::kShuttingDown);
  CHECK(failure(node.push(ticket, "t", TensorView::bytes(content)).wait()) == ErrorClass::kShuttingDown);
  CHECK(failure(node.put("u", blob(10, 1))) == ErrorClass::kShuttingDown);
  CHECK(failure(node.lend("u", TensorView::bytes(content))) == ErrorClass::kShuttingDown);
  CHECK(failure(node.serve("/nowhere")) == ErrorClass::kShuttingDown);
  CHECK(failure(node.remove("t")) == ErrorClass::kShuttingDown);
}

TEST_CASE("life: a hundred transfers in flight at stop: each resolves", "[T-13][T-W2][F28]") {
  constexpr std::size_t kBytes = 8 << 20;
  for (const bool stop_server : {false, true}) {
    CAPTURE(stop_server);
    auto server = start();
    auto client = start();
    need(server.put("t", blob(kBytes, 1)));
    std::vector<std::vector<std::uint8_t>> memory(50, std::vector<std::uint8_t>(kBytes));
    std::vector<Future<Tensor>> pulls;
    std::vector<Future<Receipt>> pushes;
    const auto content = noise(100'000, 1);
    for (auto& into : memory)
      pulls.push_back(
          client.get(server.ticket(), "t",
                     {.into = MutableTensorView::of<std::uint8_t>(into, {static_cast<std::int64_t>(kBytes)})}));
    for (int i = 0; i < 50; ++i) pushes.push_back(client.push(server.ticket(), "x", TensorView::bytes(content)));
    while (pulls[0].progress().done == 0 && !pulls[0].ready()) std::this_thread::yield();
    need((stop_server ? server : client).stop().wait());
    const auto expected = noise(kBytes, 1);
    for (std::size_t i = 0; i < pulls.size(); ++i) {
      const auto got = pulls[i].wait_for(kSoon);
      REQUIRE(got.has_value());
      if (got->has_value())
        CHECK(same_bytes(**got, expected));
      else if (!stop_server)
        CHECK(failure(*got) == ErrorClass::kShuttingDown);
    }
    for (auto& push : pushes) {
      const auto end = push.wait_for(kSoon);
      REQUIRE(end.has_value());
      CHECK_FALSE(end->has_value());
      if (!stop_server) CHECK(failure(*end) == ErrorClass::kShuttingDown);
    }
  }
}

TEST_CASE("life: calls that race with stop end, whichever comes first", "[T-13][T-31][T-W2][F28]") {
  for (int round = 0; round < 8; ++round) {
    auto server = start();
    auto client = start();
    need(server.put("t", blob(1000, 1)));
    std::atomic<bool> go{false};
    std::atomic<int> told{0}, other{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i)
      callers.emplace_back([&] {
        while (!go) std::this_thread::yield();
        while (true) {
          const auto got = client.get(server.ticket(), "t").wait();
          if (got) continue;
          ++(got.error().kind() == ErrorClass::kShuttingDown ? told : other);
          break;
        }
      });
    go = true;
    for (int i = 0; i < round; ++i) std::this_thread::yield();
    need(client.stop().wait());
    for (auto& caller : callers) caller.join();
    CHECK(told == 4);
    CHECK(other == 0);
  }
}

TEST_CASE("life: stopped during a handshake that never speaks, dialled or dialling, it ends at once",
          "[T-13][F28][T-W2]") {
  const LoopbackListener silent;  // takes connections and says nothing
  auto node = start();
  Ticket nobody = start().ticket();
  nobody.addresses = {silent.address()};
  auto pull = node.get(nobody, "t");
  const int dialled = ::accept4(silent.fd(), nullptr, nullptr, SOCK_CLOEXEC);  // it is in the handshake now
  REQUIRE(dialled >= 0);

  const int dialling = connect_loopback(port_of(node.ticket().addresses.front()));
  REQUIRE(dialling >= 0);
  const char half = 0x16;
  REQUIRE(::send(dialling, &half, 1, MSG_NOSIGNAL) == 1);

  need(node.stop().wait_for(kSoon));
  CHECK(failure(pull.wait()) == ErrorClass::kShuttingDown);
  char byte = 0;
  CHECK(::recv(dialling, &byte, 1, 0) <= 0);  // closed
  for (const int fd : {dialled, dialling}) ::close(fd);
}

TEST_CASE("life: two hundred nodes come and go; descriptors and threads stay", "[T-01][T-32][N8]") {
  const auto once = [](bool used) {
    auto server = start();
    auto client = start();
    if (!used) return;
    need(server.put("t", blob(100'000, 1)));
    need(client.get(server.ticket(), "t").wait());
    client.get(server.ticket(), "t").then([](const Result<Tensor>&) {});
    auto held = client.receive();
    const auto content = noise(10, 1);
    auto dropped = server.push(client.ticket(), "x", TensorView::bytes(content));
  };
  once(true);
  const std::size_t fds = open_fds(), tasks = threads();
  for (int i = 0; i < 100; ++i) once(i % 10 == 0);
  CHECK(soon([&] { return open_fds() <= fds; }));
  CHECK(soon([&] { return threads() <= tasks; }));  // the baseline may count one that was still leaving
}

TEST_CASE("life: what a node still holds when it goes is let go", "[T-32]") {
  const auto held = std::make_shared<int>(1);
  std::optional<Tensor> kept;
  Future<Tensor> waiting;
  {
    auto server = start();
    auto client = start();
    const auto content = noise(100'000, 1);
    need(server.put("t", TensorView::bytes(content), held));
    kept = need(client.get(server.ticket(), "t").wait());
    waiting = client.receive();
  }
  CHECK(held.use_count() == 1);
  CHECK(same_bytes(*kept, noise(100'000, 1)));  // a lease outlives its node
  CHECK(failure(waiting.wait()) == ErrorClass::kShuttingDown);
}

TEST_CASE("life: loans, handlers and futures may outlive their node") {
  std::optional<Loan> loan;
  std::optional<Handler> handler;
  const auto content = noise(10, 1);
  {
    auto node = start();
    loan = need(node.lend("t", TensorView::bytes(content)));
    handler = need(node.on_offer("*", [](const Offer&) -> Result<MutableTensorView> { return MutableTensorView(); }));
  }
  loan->end();
  handler.reset();
}
