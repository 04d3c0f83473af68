#include <weft/stream/dialer.hpp>

#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <string>
#include <tests/engine/stream/sockets.hpp>
#include <weft/stream/acceptor.hpp>

using namespace weft;
using namespace weft::stream;
using namespace weft::stream::test;

namespace {

const TimePoint kNow{std::chrono::hours{1}};
const TimePoint kDeadline = kNow + std::chrono::seconds{5};

struct Server : Node {
  Server() : acceptor(Acceptor::open(context).value()), address(acceptor.listen(any_port()).value()) {}
  Acceptor acceptor;
  SocketAddress address;
};

/// A port of loopback where nobody listens.
SocketAddress free_port() { return Listener::open(any_port()).value().address(); }

/// The outcome of the only dial, while the servers are served.
Dialer::Outcome finish(Dialer& dialer, std::initializer_list<Server*> servers) {
  for (;;) {
    for (Server* server : servers) server->acceptor.poll(kNow);
    auto outcomes = dialer.poll(kNow);
    if (!outcomes.empty()) {
      REQUIRE(outcomes.size() == 1);
      CHECK(dialer.pending() == 0);
      return std::move(outcomes.front());
    }
    if (dialer.next_timer() <= kNow) continue;
    std::vector<pollfd> polled{{.fd = dialer.waitable(), .events = POLLIN, .revents = 0}};
    for (Server* server : servers)
      polled.push_back({.fd = server->acceptor.waitable(), .events = POLLIN, .revents = 0});
    REQUIRE(poll(polled.data(), polled.size(), 30'000) > 0);
  }
}

bool mentions(const Error& error, std::string_view text) {
  return error.message().find(text) != std::string_view::npos;
}

}  // namespace

TEST_CASE("dialer: of several addresses the one where the node itself answers wins", "[stream]") {
  const Node us;
  Server right, wrong;
  const SocketAddress silent = Listener::open(any_port()).value().address();
  Dialer dialer = Dialer::open(us.context).value();
  const DialId id = dialer.dial({right.id(), {free_port(), wrong.address, silent, right.address}}, kDeadline, kNow);
  const auto outcome = finish(dialer, {&right, &wrong});
  CHECK(outcome.id == id);
  REQUIRE(outcome.result);
  CHECK(outcome.result->address == right.address);
  CHECK(outcome.result->pipe->peer() == right.id());
  CHECK(dialer.next_timer() == kNever);
}

TEST_CASE("dialer: a Unix socket is dialled like any address", "[stream]") {
  const Node us;
  const Folder folder;
  Server server;
  const auto path = SocketAddress::unix_path((folder.path / "a").string()).value();
  REQUIRE(server.acceptor.listen(path));
  Dialer dialer = Dialer::open(us.context).value();
  dialer.dial({server.id(), {path}}, kDeadline, kNow);
  CHECK(finish(dialer, {&server}).result);
}

TEST_CASE("dialer: when nobody answers each address is listed with its cause", "[stream]") {
  const Node us, them;
  const Folder folder;
  const SocketAddress first = free_port();
  const auto second = SocketAddress::unix_path((folder.path / "none").string()).value();
  Dialer dialer = Dialer::open(us.context).value();
  dialer.dial({them.id(), {first, second}}, kDeadline, kNow);
  const auto outcome = finish(dialer, {});
  REQUIRE_FALSE(outcome.result);
  const Error& error = outcome.result.error();
  CHECK(error.kind() == ErrorClass::kPeerUnreachable);
  CHECK(error.native_code() == ECONNREFUSED);
  CHECK(mentions(error, first.to_string() + " (Connection refused)"));
  CHECK(mentions(error, second.to_string() + " (No such file or directory)"));
  CHECK(mentions(error, them.id().short_string()));
  CHECK_FALSE(error.hint().empty());
}

TEST_CASE("dialer: another node at an address makes it Unauthenticated", "[stream][F36]") {
  const Node us, them;
  Server other;
  Dialer dialer = Dialer::open(us.context).value();
  dialer.dial({them.id(), {free_port(), other.address}}, kDeadline, kNow);
  const auto outcome = finish(dialer, {&other});
  REQUIRE_FALSE(outcome.result);
  CHECK(outcome.result.error().kind() == ErrorClass::kUnauthenticated);
  CHECK(mentions(outcome.result.error(), other.id().short_string()));
}

TEST_CASE("dialer: a peer that takes the connection and is silent is given up at the handshake's deadline",
          "[stream]") {
  const Node us, them;
  const Listener silent = Listener::open(any_port()).value();
  Dialer dialer = Dialer::open(us.context).value();
  dialer.dial({them.id(), {silent.address()}}, kDeadline, kNow);
  wait_readable({dialer.waitable()});
  CHECK(dialer.next_timer() == kDeadline);
  CHECK(dialer.poll(kNow).empty());  // connected now, and said hello
  const TimePoint handshake_deadline = kNow + kHandshakeTime;
  CHECK(dialer.next_timer() == handshake_deadline);
  CHECK(dialer.poll(handshake_deadline - Duration{1}).empty());
  const auto outcomes = dialer.poll(handshake_deadline);
  REQUIRE(outcomes.size() == 1);
  CHECK(outcomes[0].result.error().kind() == ErrorClass::kPeerUnreachable);
  CHECK(mentions(outcomes[0].result.error(), "did not finish the handshake"));
}

TEST_CASE("dialer: the caller's deadline counts when it is nearer", "[stream]") {
  const Node us, them;
  const Listener silent = Listener::open(any_port()).value();
  Dialer dialer = Dialer::open(us.context).value();
  const TimePoint near = kNow + std::chrono::milliseconds{5};
  dialer.dial({them.id(), {silent.address()}}, near, kNow);
  wait_readable({dialer.waitable()});
  CHECK(dialer.poll(kNow).empty());
  CHECK(dialer.next_timer() == near);
  CHECK(dialer.poll(near).size() == 1);
}

TEST_CASE("dialer: a server of another kind is told from a node", "[stream][F38]") {
  const Node us, them;
  Listener listener = Listener::open(any_port()).value();
  Dialer dialer = Dialer::open(us.context).value();
  dialer.dial({them.id(), {listener.address()}}, kDeadline, kNow);
  wait_readable({listener.descriptor()});
  const auto accepted = listener.accept().value();
  REQUIRE(accepted);
  send_plainly(accepted->fd, "SSH-2.0-OpenSSH_9.2\r\n");
  const auto outcome = finish(dialer, {});
  REQUIRE_FALSE(outcome.result);
  CHECK(outcome.result.error().kind() == ErrorClass::kPeerUnreachable);
  CHECK(mentions(outcome.result.error(), "not a session's handshake"));
}

TEST_CASE("dialer: without an address it fails at the next poll, which is due at once", "[stream]") {
  const Node us, them;
  Dialer dialer = Dialer::open(us.context).value();
  dialer.dial({them.id(), {}}, kDeadline, kNow);
  CHECK(dialer.next_timer() <= kNow);
  CHECK(finish(dialer, {}).result.error().kind() == ErrorClass::kPeerUnreachable);
}

TEST_CASE("dialer: a cancelled dial ends without a word and its connection closes", "[stream]") {
  const Node us, them;
  Listener listener = Listener::open(any_port()).value();
  Dialer dialer = Dialer::open(us.context).value();
  const DialId id = dialer.dial({them.id(), {listener.address()}}, kDeadline, kNow);
  wait_readable({listener.descriptor()});
  const auto accepted = listener.accept().value();
  REQUIRE(accepted);
  dialer.cancel(id);
  dialer.cancel(id);
  CHECK(dialer.pending() == 0);
  CHECK(dialer.poll(kDeadline).empty());
  CHECK(sees_close(accepted->fd));
}

TEST_CASE("dialer: without descriptors the dial is ResourceExhausted", "[stream][F22]") {
  const Node us, them;
  Dialer dialer = Dialer::open(us.context).value();
  const SocketAddress address = free_port();
  const NoDescriptors shortage;
  dialer.dial({them.id(), {address}}, kDeadline, kNow);
  const auto outcomes = dialer.poll(kNow);
  REQUIRE(outcomes.size() == 1);
  CHECK(outcomes[0].result.error().kind() == ErrorClass::kResourceExhausted);
  CHECK(outcomes[0].result.error().native_code() == EMFILE);
  CHECK(outcomes[0].result.error().hint() == "raise the limit: ulimit -n");
}
