#include <tests/process/faults.hpp>

/// What is on an address may not be what was there before.
using namespace weft;
using namespace weft::test;

TEST_CASE("restart: on the same address with the same identity, old handles are Stale and names are answered",
          "[F30][T-24]") {
  const KeyFile key;
  auto client = start();
  std::optional<Child> server;
  server.emplace(std::vector<std::string>{"--identity", key.path.string()});
  server->ask("serve t 1000000 1");
  const std::string ticket = server->ticket();
  const std::string address = address_of(*server);
  const Tensor known = need(client.get(ticket, "t").wait());
  for (int round = 2; round < 6; ++round) {
    CAPTURE(round);
    server.emplace(std::vector<std::string>{"--identity", key.path.string(), "--listen", address});
    CHECK(server->ticket() == ticket);
    server->ask("serve t 1000000 " + std::to_string(round));
    const auto stale = client.get(ticket, known).wait_for(kSoon);
    REQUIRE(stale.has_value());
    CHECK((failure(*stale) == ErrorClass::kStale || failure(*stale) == ErrorClass::kPeerLost));
    CHECK(
        same_bytes(need(client.get(ticket, "t").wait_for(kSoon)), noise(1'000'000, static_cast<std::uint64_t>(round))));
    CHECK(failure(client.get(ticket, known).wait()) == ErrorClass::kStale);
  }
}

TEST_CASE("restart: a call in flight ends as lost, and never with what the new process serves", "[F30][F31]") {
  for (const LaneCase lane : {LaneCase{}, LaneCase{.sealed = true}}) {
    CAPTURE(lane.sealed);
    const KeyFile key;
    auto client = start(lane.options());
    std::optional<Child> server;
    const auto arguments = [&](std::vector<std::string> more) {
      for (const std::string& each : lane.arguments()) more.push_back(each);
      return more;
    };
    server.emplace(arguments({"--identity", key.path.string()}));
    const std::string address = address_of(*server);
    const auto content = noise(100'000, 3);
    for (std::uint64_t round = 1; round < 6; ++round) {
      CAPTURE(round);
      const std::string serve = "serve t " + std::to_string(kBytes) + " ";
      server->ask(serve + std::to_string(round));
      arm(*server, {"written", 20}, "kill");
      auto pull = client.get(server->ticket(), "t");
      auto push = client.push(server->ticket(), "x", TensorView::bytes(content));  // nobody receives it
      server->expect("at written");
      server.emplace(arguments({"--identity", key.path.string(), "--listen", address}));
      server->ask(serve + std::to_string(round + 1));
      const auto got = pull.wait_for(kSoon);
      REQUIRE(got.has_value());
      CHECK(is_loss(failure(*got)));
      const auto pushed = push.wait_for(kSoon);
      REQUIRE(pushed.has_value());
      CHECK(is_loss(failure(*pushed)));
      CHECK(is_noise(need(client.get(server->ticket(), "t").wait_for(kSoon)).bytes(), round + 1));
    }
  }
}

TEST_CASE("restart: another node on the same address is Unauthenticated", "[F36]") {
  auto client = start();
  std::optional<Child> server(std::in_place);
  server->ask("serve t 1000 1");
  const std::string ticket = server->ticket();
  need(client.get(ticket, "t").wait());
  const std::string address = address_of(*server);
  server->kill();
  server.emplace(std::vector<std::string>{"--listen", address});
  Result<Tensor> got = client.get(ticket, "t").wait();
  if (!got && got.error().kind() == ErrorClass::kPeerLost) got = client.get(ticket, "t").wait();
  CHECK(failure(got) == ErrorClass::kUnauthenticated);
  need(client.ping(server->ticket()).wait());
}
