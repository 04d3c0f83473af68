#include <tests/nodes/nodes.hpp>
#include <tests/process/child.hpp>
#include <tests/process/relay.hpp>

/// What the network and the hosts on it may do to a node: cut, garbage, silence, no descriptors.
using namespace weft;
using namespace weft::test;

namespace {

Ticket through(const Relay& relay, Ticket ticket) {
  ticket.addresses = {relay.address()};
  return ticket;
}

}  // namespace

TEST_CASE("cut: at any byte of the stream the call ends with a loss, and the next one succeeds", "[F12][T-24]") {
  constexpr std::size_t kBytes = 4 << 20;
  auto server = start({.lanes = {Lane::kTls}});
  need(server.put("t", blob(kBytes, 1)));
  Relay relay(port_of(server.ticket().addresses.front()));
  const Ticket ticket = through(relay, server.ticket());
  const auto expected = noise(kBytes, 1);
  for (const std::uint64_t at : {0u, 1u, 100u, 700u, 1200u, 1500u, 2000u, 5000u, 100'000u, 2'000'000u}) {
    CAPTURE(at);
    auto client = start({.lanes = {Lane::kTls}});
    relay.cut_at(at);
    std::vector<std::uint8_t> memory(kBytes);
    const auto into = MutableTensorView::of<std::uint8_t>(memory, {static_cast<std::int64_t>(kBytes)});
    const auto cut = need(Result<Result<Tensor>>(client.get(ticket, "t", {.into = into}).wait()));
    CHECK((failure(cut) == ErrorClass::kPeerLost || failure(cut) == ErrorClass::kPeerUnreachable));
    relay.heal();
    CHECK(same_bytes(need(client.get(ticket, "t").wait_for(kSoon)), expected));
  }
}

TEST_CASE("cut: pushes are delivered once or not at all, and a receipt is the truth", "[F33][F35][T-05]") {
  auto receiver = start({.lanes = {Lane::kTls}});
  Relay relay(port_of(receiver.ticket().addresses.front()));
  const Ticket ticket = through(relay, receiver.ticket());
  CHECK_FALSE(receiver.try_receive().has_value());
  const auto small = noise(1000, 1);
  std::vector<std::string> receipted, lost;
  std::size_t pushes = 0;
  for (std::uint64_t at = 100; at < 1600; at += 50, ++pushes) {
    auto sender = start({.lanes = {Lane::kTls}});
    relay.cut_at(at);
    const std::string name = "p" + std::to_string(at);
    const auto pushed =
        sender.push(ticket, name, TensorView::bytes(small), {.deadline = std::chrono::seconds(3)}).wait();
    if (pushed)
      receipted.push_back(name);
    else if (!pushed.error().may_have_arrived())
      lost.push_back(name);
    relay.heal();
  }
  std::map<std::string, int> seen;
  while (auto got = receiver.try_receive()) ++seen[std::string(got->name())];
  for (const auto& [name, times] : seen) CHECK(times == 1);
  for (const std::string& name : receipted) CHECK(seen.contains(name));
  for (const std::string& name : lost) CHECK_FALSE(seen.contains(name));
  CHECK_FALSE(receipted.empty());
  CHECK(receipted.size() < pushes);
}

TEST_CASE("cut: a push whose receipt was lost is told Ok by the same id's retry, and delivered once", "[F35][F7]") {
  auto receiver = start({.lanes = {Lane::kTls}});
  Relay relay(port_of(receiver.ticket().addresses.front()));
  const Ticket ticket = through(relay, receiver.ticket());
  CHECK_FALSE(receiver.try_receive().has_value());  // from now on pushes are taken in
  for (const std::size_t bytes : {std::size_t{1000}, std::size_t{1'000'000}}) {
    CAPTURE(bytes);
    const auto content = noise(bytes, 1);
    std::size_t retried = 0;
    for (const std::uint64_t missing : {1u, 8u, 20u}) {  // of the receipt, the last thing that comes
      std::uint64_t whole = 0;
      for (const bool cut : {false, true}) {
        auto sender = start({.lanes = {Lane::kTls}});
        const std::uint64_t before = relay.passed();
        if (cut) relay.cut_once_at(whole - missing);
        need(sender.push(ticket, "p", TensorView::bytes(content)).wait_for(kSoon));
        if (!cut) whole = relay.passed() - before;
        if (cut) retried += sender.stats().dials == 2;
        relay.heal();
        auto got = receiver.try_receive();
        REQUIRE(got.has_value());
        CHECK(same_bytes(*got, content));
        CHECK_FALSE(receiver.try_receive().has_value());
      }
    }
    CHECK(retried > 0);
  }
}

TEST_CASE("garbage: what is no handshake closes its own connection only", "[F38][T-30]") {
  auto server = start();
  auto client = start();
  need(server.put("t", blob(100'000, 1)));
  need(client.get(server.ticket(), "t").wait());
  const std::uint16_t port = port_of(server.ticket().addresses.front());
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{5}, std::size_t{100}, std::size_t{70'000}}) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      const int fd = connect_loopback(port);
      REQUIRE(fd >= 0);
      auto content = noise(bytes, seed);
      if (seed == 1) content.front() = std::byte{0x16};  // as a TLS record begins
      if (seed == 2) std::fill(content.begin(), content.end(), std::byte{0xFF});
      [[maybe_unused]] const auto sent = ::send(fd, content.data(), content.size(), MSG_NOSIGNAL);
      ::close(fd);
    }
    CHECK(same_bytes(need(client.get(server.ticket(), "t").wait()), noise(100'000, 1)));
  }
  auto late = start();
  CHECK(same_bytes(need(late.get(server.ticket(), "t").wait()), noise(100'000, 1)));
}

TEST_CASE("silence: connections that never speak keep nobody out", "[T8]") {
  auto server = start();
  need(server.put("t", blob(100'000, 1)));
  const std::uint16_t port = port_of(server.ticket().addresses.front());
  std::vector<int> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(connect_loopback(port));
  auto client = start();
  CHECK(same_bytes(need(client.get(server.ticket(), "t").wait_for(kSoon)), noise(100'000, 1)));
  for (const int fd : silent) {  // each is closed by the server, in its own time
    pollfd waits{.fd = fd, .events = POLLIN, .revents = 0};
    REQUIRE(::poll(&waits, 1, 20'000) == 1);
    char byte = 0;
    CHECK(::recv(fd, &byte, 1, 0) <= 0);
    ::close(fd);
  }
}

TEST_CASE("descriptors: none left is an error that names it, and passes when there are some again", "[F22]") {
  Child client;
  auto server = start();
  need(server.put("t", blob(1'000'000, 1)));
  const std::string get = "get " + server.ticket().to_string() + " t 1000000 1";
  client.ask("descriptors 3");
  client.send(get);
  const std::string said = client.expect("error");
  CHECK((said.starts_with("error ResourceExhausted") || said.starts_with("error PeerUnreachable")));
  client.ask("descriptors 1024");
  client.ask(get);
}

TEST_CASE("descriptors: a server without any takes no more sessions, and goes on when it may", "[F22]") {
  Child server;
  auto known = start();
  auto fresh = start();
  server.ask("serve t 1000000 1");
  need(known.get(server.ticket(), "t").wait());
  server.ask("descriptors 3");
  CHECK_FALSE(fresh.ping(server.ticket(), std::chrono::milliseconds(500)).wait().has_value());
  CHECK(same_bytes(need(known.get(server.ticket(), "t").wait()), noise(1'000'000, 1)));  // who is there is served
  server.ask("descriptors 1024");
  CHECK(same_bytes(need(fresh.get(server.ticket(), "t").wait_for(kSoon)), noise(1'000'000, 1)));
}
