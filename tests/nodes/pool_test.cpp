#include <thread>

#include <tests/nodes/loopback.hpp>
#include <tests/nodes/nodes.hpp>

using namespace weft;
using namespace weft::test;

TEST_CASE("pool: a hundred gets in a row use one session", "[T-20][T-21][T-F6][T-W1]") {
  auto server = start();
  auto client = start();
  need(server.put("t", blob(100, 1)));
  for (int i = 0; i < 100; ++i) need(client.get(server.ticket(), "t").wait());
  const NodeStats stats = client.stats();
  CHECK(stats.dials == 1);
  CHECK(stats.sessions == 1);
  CHECK(stats.pool_misses == 1);
  CHECK(stats.pool_hits == 99);
  CHECK(server.stats().sessions == 1);
}

TEST_CASE("pool: a hundred first gets at once make one session", "[T-25]") {
  auto server = start();
  auto client = start();
  need(server.put("t", blob(100'000, 1)));
  const Ticket ticket = server.ticket();
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (int i = 0; i < 100; ++i)
    threads.emplace_back([&] {
      const auto got = client.get(ticket, "t").wait();
      if (!got || !same_bytes(*got, noise(100'000, 1))) ++failed;
    });
  for (auto& thread : threads) thread.join();
  CHECK(failed == 0);
  CHECK(client.stats().dials == 1);
  CHECK(client.stats().sessions == 1);
}

TEST_CASE("pool: two nodes that dial each other at once keep one session", "[T-25]") {
  for (int i = 0; i < 3; ++i) {
    auto a = start();
    auto b = start();
    need(a.put("t", blob(50'000, 1)));
    need(b.put("t", blob(50'000, 2)));
    auto from_b = a.get(b.ticket(), "t");
    auto from_a = b.get(a.ticket(), "t");
    CHECK(same_bytes(need(from_b.wait()), noise(50'000, 2)));
    CHECK(same_bytes(need(from_a.wait()), noise(50'000, 1)));
    until([&] { return a.stats().sessions == 1 && b.stats().sessions == 1; });
  }
}

TEST_CASE("pool: the eleventh peer takes the place of the one that rested longest", "[T-20][T-23][T-14][X-2]") {
  auto client = start({.pool = {.connections = 10}});
  std::vector<TensorNode> servers;
  for (int i = 0; i < 11; ++i) {
    servers.push_back(start());
    need(servers.back().put("t", blob(20'000, static_cast<std::uint64_t>(i))));
  }
  const auto visit = [&](std::size_t i) {
    CHECK(same_bytes(need(client.get(servers[i].ticket(), "t").wait()), noise(20'000, i)));
    CHECK(client.stats().sessions <= 10);
  };
  for (std::size_t i = 0; i < 10; ++i) visit(i);
  CHECK(client.stats().sessions == 10);
  visit(0);  // now 1 is the one that rested longest
  visit(10);
  CHECK(client.stats().evictions == 1);
  until([&] { return servers[1].stats().sessions == 0; });
  CHECK(servers[0].stats().sessions == 1);
  visit(1);
}

TEST_CASE("pool: eleven peers at once through ten places: all are served, the limit holds", "[T-23][T-W7][F37]") {
  auto client = start({.pool = {.connections = 10}});
  std::vector<TensorNode> servers;
  std::vector<Future<Tensor>> pulls;
  for (int i = 0; i < 30; ++i) {
    servers.push_back(start());
    need(servers.back().put("t", blob(20'000, static_cast<std::uint64_t>(i))));
  }
  for (auto& server : servers) pulls.push_back(client.get(server.ticket(), "t"));
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < pulls.size(); ++i) {
    std::optional<Result<Tensor>> result;
    while (!(result = pulls[i].wait_for(std::chrono::milliseconds(1)))) most = std::max(most, client.stats().sessions);
    CHECK(same_bytes(need(std::move(result)), noise(20'000, i)));
  }
  CHECK(std::max(most, client.stats().sessions) <= 10);
}

TEST_CASE("pool: an idle session closes by itself, and the next call makes another", "[T-22][T-24][T-W7]") {
  auto server = start();
  auto client = start({.pool = {.idle = std::chrono::milliseconds(100)}});
  need(server.put("t", blob(100'000, 1)));
  need(client.get(server.ticket(), "t").wait());
  until([&] { return client.stats().sessions == 0 && server.stats().sessions == 0; });
  CHECK(same_bytes(need(client.get(server.ticket(), "t").wait()), noise(100'000, 1)));
  CHECK(client.stats().dials == 2);
}

TEST_CASE("pool: gets go on while their session is closed for idleness again and again", "[T-22][F37]") {
  auto server = start();
  auto client = start({.pool = {.idle = std::chrono::milliseconds(1)}});
  need(server.put("t", blob(100'000, 1)));
  for (int i = 0; i < 60; ++i) {
    if (i % 3 == 0) until([&] { return client.stats().sessions == 0; });
    need(client.get(server.ticket(), "t").wait());
  }
}

TEST_CASE("pool: a black hole keeps nobody else waiting", "[T-26]") {
  auto server = start();
  auto client = start({.pool = {.dial_timeout = std::chrono::minutes(1)}});
  need(server.put("t", blob(100'000, 1)));
  const LoopbackListener silent;  // its kernel takes connections, nobody answers
  Ticket hole = start().ticket();
  hole.addresses = {silent.address()};
  auto lost = client.ping(hole);
  for (int i = 0; i < 20; ++i) need(client.get(server.ticket(), "t").wait());
  CHECK_FALSE(lost.ready());
  lost.cancel();
  CHECK(failure(lost.wait()) == ErrorClass::kCancelled);
  auto hasty = start({.pool = {.dial_timeout = std::chrono::milliseconds(300)}});
  CHECK(failure(hasty.ping(hole).wait()) == ErrorClass::kPeerUnreachable);
}

TEST_CASE("pool: a restarted peer is reached again with its new ticket, its old handles are Stale",
          "[T-24][T-W3][T18]") {
  auto client = start();
  auto server = start();
  need(server.put("t", blob(1000, 1)));
  const Tensor known = need(client.get(server.ticket(), "t").wait());
  const Ticket old = server.ticket();
  std::string address = old.addresses.front();
  address.erase(0, std::string("tcp://").size());
  server = start();  // another node: its identity is fresh
  auto replacement = start();
  CHECK_FALSE(client.get(old, known).wait().has_value());
  need(server.put("t", blob(1000, 2)));
  CHECK(same_bytes(need(client.get(server.ticket(), "t").wait()), noise(1000, 2)));
  CHECK(failure(client.get(server.ticket(), known).wait()) == ErrorClass::kStale);
}
