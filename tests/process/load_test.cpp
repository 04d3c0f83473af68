#include <list>

#include <tests/process/faults.hpp>

/// Several processes on one machine: what they need, and that being busy is not being dead.
using namespace weft;
using namespace weft::test;

namespace {

constexpr std::size_t kLarge = 256 << 20;
constexpr std::uint64_t kMostKib = kLarge / 1024 * 11 / 10;  // 1.1 of the tensor

/// What is behind `ok`.
std::uint64_t peak_of(const std::string& line) { return std::stoull(line.substr(3)); }

}  // namespace

TEST_CASE("load: eight busy processes on two cores lose nobody", "[F42]") {
  std::list<Child> servers, clients;
  for (int pair = 0; pair < 4; ++pair) {
    servers.emplace_back();
    clients.emplace_back();
    servers.back().ask("serve small 4000 2");
    servers.back().ask("serve large " + std::to_string(8 << 20) + " 1");
  }
  auto server = servers.begin();
  for (Child& client : clients) client.send("gets " + (server++)->ticket() + " 1500");
  for (Child& client : clients) client.expect("ok");
}

TEST_CASE("memory: a pull needs a tenth more than its tensor, at the client and at the server", "[T-27]") {
  for (const LaneCase lane : {LaneCase{}, LaneCase{.sealed = true}}) {
    CAPTURE(lane.sealed);
    Child server(lane.arguments()), client(lane.arguments());
    server.ask("serve t " + std::to_string(kLarge) + " 1");
    for (Child* each : {&server, &client}) each->ask("measure");
    client.send("get " + server.ticket() + " t " + std::to_string(kLarge) + " 1");
    const std::uint64_t there = peak_of(client.expect("ok "));
    server.send("peak");
    const std::uint64_t here = peak_of(server.expect("ok "));
    CHECK(there >= kLarge / 1024);  // the measure measures
    CHECK(there <= kMostKib);
    CHECK(here <= kMostKib);
  }
}

TEST_CASE("memory: a push needs a tenth more than its tensor, at the sender and at the receiver", "[T-27]") {
  for (const LaneCase lane : {LaneCase{}, LaneCase{.sealed = true}}) {
    CAPTURE(lane.sealed);
    Child receiver(lane.arguments()), sender(lane.arguments());
    for (Child* each : {&receiver, &sender}) each->ask("measure");
    receiver.send("receive t " + std::to_string(kLarge) + " 1");
    sender.send("push " + receiver.ticket() + " t " + std::to_string(kLarge) + " 1");
    const std::uint64_t here = peak_of(sender.expect("ok "));
    const std::uint64_t there = peak_of(receiver.expect("ok "));
    CHECK(there >= kLarge / 1024);
    CHECK(there <= kMostKib);
    CHECK(here <= kMostKib);
  }
}

TEST_CASE("memory: a large pull and a large push write to no file", "[T-29]") {
  for (const LaneCase lane : {LaneCase{}, LaneCase{.sealed = true}}) {
    CAPTURE(lane.sealed);
    Child here(lane.arguments()), there(lane.arguments());
    for (Child* each : {&here, &there}) each->ask("files");
    here.ask("serve t " + std::to_string(kBytes) + " 1");
    there.ask("get " + here.ticket() + " t " + std::to_string(kBytes) + " 1");
    here.send("receive x " + std::to_string(kBytes) + " 2");
    there.ask("push " + here.ticket() + " x " + std::to_string(kBytes) + " 2");
    here.expect("ok");
  }
}
