#include <tests/nodes/key_file.hpp>
#include <tests/nodes/nodes.hpp>

using namespace weft;
using namespace weft::test;

TEST_CASE("identity: nodes of one key are served side by side", "[F32][N10]") {
  const KeyFile key;
  auto server = start();
  constexpr std::uint64_t kBytes = 24 << 20;
  need(server.put("t", blob(kBytes, 1)));
  std::vector<TensorNode> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(start({.identity = key.path}));
  std::vector<Future<Tensor>> gets;
  for (int round = 0; round < 4; ++round)
    for (auto& client : clients) gets.push_back(client.get(server.ticket(), "t"));
  const auto bytes = noise(kBytes, 1);
  for (auto& get : gets) CHECK(same_bytes(need(get.wait_for(kSoon)), bytes));
  CHECK(server.stats().sessions == clients.size());
}

TEST_CASE("identity: a call that waits is not ended by another process of its key", "[F32][N10]") {
  const KeyFile key;
  auto server = start();
  auto pusher = start({.identity = key.path});
  const auto bytes = noise(1000, 1);
  auto held = pusher.push(server.ticket(), "x", TensorView::bytes(bytes));
  need(pusher.ping(server.ticket()).wait());  // the offer went before
  for (int i = 0; i < 3; ++i) {
    auto other = start({.identity = key.path});
    need(other.ping(server.ticket()).wait());
    need(other.list(server.ticket(), "*").wait());
  }
  CHECK_FALSE(held.poll().has_value());
  CHECK(same_bytes(need(server.receive("x").wait_for(kSoon)), bytes));
  need(held.wait_for(kSoon));
}
