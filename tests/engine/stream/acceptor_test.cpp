#include <weft/stream/acceptor.hpp>

#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <tests/engine/stream/sockets.hpp>
#include <weft/stream/dialer.hpp>

using namespace weft;
using namespace weft::stream;
using namespace weft::stream::test;

namespace {

const TimePoint kNow{std::chrono::hours{1}};
const TimePoint kDeadline = kNow + std::chrono::hours{1};

struct Server : Node {
  explicit Server(AcceptorLimits limits = {})
      : acceptor(Acceptor::open(context, limits).value()), address(acceptor.listen(any_port()).value()) {}

  /// Polls at `now` until something ended.
  std::vector<Acceptor::Incoming> next(TimePoint now = kNow) {
    for (;;) {
      auto ended = acceptor.poll(now);
      if (!ended.empty()) return ended;
      wait_readable({acceptor.waitable()});
    }
  }
  /// Polls at `now` until so many are half-open.
  void hold(std::size_t count, TimePoint now = kNow) {
    while (acceptor.half_open() < count) {
      wait_readable({acceptor.waitable()});
      CHECK(acceptor.poll(now).empty());
    }
  }
  Acceptor acceptor;
  SocketAddress address;
};

/// Whether an honest dial is served at `now`.
bool serves(Server& server, TimePoint now = kNow) {
  const Node us;
  Dialer dialer = Dialer::open(us.context).value();
  dialer.dial({server.id(), {server.address}}, kDeadline, now);
  bool accepted = false, dialled = false;
  while (!accepted || !dialled) {
    for (const auto& each : server.acceptor.poll(now)) accepted |= each.pipe && (*each.pipe)->peer() == us.id();
    for (const auto& each : dialer.poll(now)) {
      if (!each.result) return false;
      dialled = true;
    }
    if (!accepted || !dialled) wait_readable({server.acceptor.waitable(), dialer.waitable()});
  }
  return true;
}

bool is_readable(int fd) {
  pollfd polled{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&polled, 1, 0) > 0;
}

}  // namespace

TEST_CASE("acceptor: an honest peer becomes a pipe with its identity, over TCP and over a Unix socket", "[stream]") {
  const Folder folder;
  Server server;
  const auto path = SocketAddress::unix_path((folder.path / "a").string()).value();
  for (const SocketAddress& address : {server.address, server.acceptor.listen(path).value()}) {
    const Node us;
    Dialer dialer = Dialer::open(us.context).value();
    dialer.dial({server.id(), {address}}, kDeadline, kNow);
    std::vector<Acceptor::Incoming> ended;
    while (ended.empty()) {
      dialer.poll(kNow);
      ended = server.acceptor.poll(kNow);
      if (ended.empty()) wait_readable({server.acceptor.waitable(), dialer.waitable()});
    }
    REQUIRE(ended.size() == 1);
    REQUIRE(ended[0].pipe);
    CHECK((*ended[0].pipe)->peer() == us.id());
    CHECK(ended[0].is_local);
    CHECK(ended[0].address.is_unix() == address.is_unix());
  }
  CHECK(server.acceptor.half_open() == 0);
  CHECK(server.acceptor.next_timer() == kNever);
  CHECK(server.acceptor.counts().finished == 2);
}

TEST_CASE("acceptor: a silent connection is closed at its deadline and not before", "[stream][E14][T8]") {
  Server server;
  const Fd silent = connect_plainly(server.address);
  server.hold(1);
  const TimePoint deadline = kNow + kHandshakeTime;
  CHECK(server.acceptor.next_timer() == deadline);
  CHECK(server.acceptor.poll(deadline - Duration{1}).empty());
  const auto ended = server.acceptor.poll(deadline);
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].pipe.error().kind() == ErrorClass::kDeadlineExceeded);
  CHECK(sees_close(silent));
  CHECK(server.acceptor.next_timer() == kNever);
  CHECK(serves(server));
}

TEST_CASE("acceptor: bytes that drip do not move the deadline", "[stream][T8]") {
  Server server;
  const Fd slow = connect_plainly(server.address);
  server.hold(1);
  TimePoint now = kNow;
  const std::string hello("\x16\x03\x01\x02\x00\x01", 6);  // the beginning of a handshake of 512 bytes
  for (const char byte : hello) {
    now += std::chrono::milliseconds{300};
    send_plainly(slow, {&byte, 1});
    wait_readable({server.acceptor.waitable()});
    CHECK(server.acceptor.poll(now).empty());
  }
  const auto ended = server.acceptor.poll(kNow + kHandshakeTime);
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].pipe.error().kind() == ErrorClass::kDeadlineExceeded);
}

TEST_CASE("acceptor: garbage is closed and the next one served", "[stream][F38]") {
  Server server;
  for (const std::string& garbage : {std::string{"GET / HTTP/1.0\r\n\r\n"}, std::string(5000, '\xFF')}) {
    const Fd stranger = connect_plainly(server.address);
    send_plainly(stranger, garbage);
    const auto ended = server.next();
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].pipe.error().kind() == ErrorClass::kMalformed);
    CHECK(sees_close(stranger));
  }
  CHECK(server.acceptor.counts().failed == 2);
  CHECK(serves(server));
}

TEST_CASE("acceptor: a source at its limit is refused, others are served", "[stream][T8]") {
  Server server({.half_open_per_source = 3, .cap_local = true});
  std::vector<Fd> silent;
  for (int i = 0; i < 3; ++i) silent.push_back(connect_plainly(server.address, "127.0.0.2"));
  server.hold(3);
  const Fd fourth = connect_plainly(server.address, "127.0.0.2");
  const auto ended = server.next();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].pipe.error().kind() == ErrorClass::kOverloaded);
  CHECK(sees_close(fourth));
  CHECK(server.acceptor.half_open() == 3);
  CHECK(serves(server));  // from 127.0.0.1

  // Later its oldest has had its time and gives way to a newer one.
  const Fd fifth = connect_plainly(server.address, "127.0.0.2");
  const auto evicted = server.next(kNow + AcceptorLimits{}.patience);
  REQUIRE(evicted.size() == 1);
  CHECK(evicted[0].address == SocketAddress::local_of(silent[0].get()).value());
  CHECK(sees_close(silent[0]));
  CHECK(server.acceptor.half_open() == 3);
}

TEST_CASE("acceptor: a refused dialler learns that it is too much", "[stream][F27]") {
  Server server({.half_open_per_source = 1, .cap_local = true});
  const Fd silent = connect_plainly(server.address);
  server.hold(1);
  const Node us;
  Dialer dialer = Dialer::open(us.context).value();
  dialer.dial({server.id(), {server.address}}, kDeadline, kNow);
  REQUIRE(server.next().size() == 1);
  std::vector<Dialer::Outcome> outcomes;
  while (outcomes.empty()) {
    wait_readable({dialer.waitable()});
    outcomes = dialer.poll(kNow);
  }
  REQUIRE_FALSE(outcomes[0].result);
  CHECK(outcomes[0].result.error().kind() == ErrorClass::kOverloaded);
}

TEST_CASE("acceptor: when full the next one waits in the kernel and the oldest of the busiest gives way",
          "[stream][T8]") {
  Server server({.half_open = 4});
  std::vector<Fd> busy;
  const Fd other = connect_plainly(server.address, "127.0.0.3");
  server.hold(1);
  for (int i = 0; i < 3; ++i) busy.push_back(connect_plainly(server.address, "127.0.0.2"));
  server.hold(4);
  const Fd waiting = connect_plainly(server.address, "127.0.0.4");
  wait_readable({server.acceptor.waitable()});
  CHECK(server.acceptor.poll(kNow).empty());
  CHECK(server.acceptor.half_open() == 4);
  CHECK_FALSE(is_readable(server.acceptor.waitable()));  // no spinning while it cannot accept
  const TimePoint patient = kNow + AcceptorLimits{}.patience;
  CHECK(server.acceptor.next_timer() == patient);

  const auto ended = server.next(patient);
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].pipe.error().kind() == ErrorClass::kOverloaded);
  CHECK(ended[0].address == SocketAddress::local_of(busy[0].get()).value());
  CHECK(server.acceptor.half_open() == 4);
  CHECK(server.acceptor.counts().evicted == 1);
}

TEST_CASE("acceptor: a place that is free again is given to who waits, without a timer", "[stream]") {
  Server server({.half_open = 1});
  Fd first = connect_plainly(server.address);
  server.hold(1);
  const Fd second = connect_plainly(server.address);
  wait_readable({server.acceptor.waitable()});
  CHECK(server.acceptor.poll(kNow).empty());
  first.reset();
  const auto ended = server.next();
  REQUIRE(ended.size() == 1);
  CHECK_FALSE(ended[0].pipe);
  server.hold(1);
  CHECK(server.acceptor.counts().accepted == 2);
}

TEST_CASE("acceptor: silent ones up to the limit do not keep honest ones out for longer than its patience",
          "[stream][E14]") {
  Server server({.half_open = 8});
  std::vector<Fd> silent;
  for (int i = 0; i < 8; ++i) silent.push_back(connect_plainly(server.address));
  server.hold(8);
  CHECK(serves(server, kNow + AcceptorLimits{}.patience));
}

TEST_CASE("acceptor: without descriptors it pauses, says so, and serves again", "[stream][F22]") {
  Server server;
  const Fd waiting = connect_plainly(server.address);
  {
    wait_readable({server.acceptor.waitable()});
    const NoDescriptors shortage;
    const auto ended = server.acceptor.poll(kNow);
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].pipe.error().kind() == ErrorClass::kResourceExhausted);
    CHECK(ended[0].pipe.error().native_code() == EMFILE);
  }
  const Fd next = connect_plainly(server.address);
  CHECK_FALSE(is_readable(server.acceptor.waitable()));
  const TimePoint again = kNow + AcceptorLimits{}.shortage_pause;
  CHECK(server.acceptor.next_timer() == again);
  CHECK(server.acceptor.poll(kNow).empty());
  CHECK(server.acceptor.half_open() == 0);
  CHECK(serves(server, again));
}

TEST_CASE("acceptor: 1000 connects from one host are all served", "[stream][F27]") {
  constexpr std::size_t kDials = 1000, kAtATime = 200;
  Server server;
  const Node us;
  Dialer dialer = Dialer::open(us.context).value();
  std::size_t begun = 0, dialled = 0, accepted = 0;
  while (dialled < kDials || accepted < kDials) {
    for (; begun < kDials && dialer.pending() < kAtATime; ++begun)
      dialer.dial({server.id(), {server.address}}, kDeadline, kNow);
    std::size_t ended = 0;
    for (const auto& each : dialer.poll(kNow)) {
      REQUIRE(each.result);
      ++dialled;
      ++ended;
    }
    for (const auto& each : server.acceptor.poll(kNow)) {
      REQUIRE(each.pipe);
      ++accepted;
      ++ended;
    }
    CHECK(server.acceptor.half_open() <= AcceptorLimits{}.half_open);
    if (ended == 0 && (dialled < kDials || accepted < kDials))
      wait_readable({dialer.waitable(), server.acceptor.waitable()});
  }
  CHECK(server.acceptor.half_open() == 0);
}

TEST_CASE("acceptor: stopped, it holds nothing and nobody gets in", "[stream]") {
  Server server;
  const Fd silent = connect_plainly(server.address);
  server.hold(1);
  server.acceptor.stop();
  server.acceptor.stop();
  CHECK(server.acceptor.half_open() == 0);
  CHECK(server.acceptor.next_timer() == kNever);
  CHECK(server.acceptor.poll(kNow).empty());
  CHECK(sees_close(silent));
  const Fd late{socket(AF_INET, SOCK_STREAM, 0)};
  CHECK(connect(late.get(), server.address.raw(), server.address.size()) == -1);
  CHECK(errno == ECONNREFUSED);
  CHECK(Acceptor::open(server.context, {.half_open = 0}).error().kind() == ErrorClass::kInvalidArgument);
}
