#include <weft/stream/tls_pipe.hpp>

#include <sys/ioctl.h>

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <tests/engine/stream/sockets.hpp>

using namespace weft;
using namespace weft::stream;
using namespace weft::stream::test;

namespace {

constexpr std::size_t kRecordOverhead = 22;  // header 5, content type 1, tag 16

Pipes some_pipes(Ends ends = tcp_ends()) { return shake_hands(Node{}, Node{}, std::move(ends)); }

Result<std::size_t> write_one(TlsPipe& pipe, std::span<const std::byte> bytes) { return pipe.write({&bytes, 1}); }

std::size_t waiting_bytes(int fd) {
  int count = 0;
  REQUIRE(ioctl(fd, FIONREAD, &count) == 0);
  return static_cast<std::size_t>(count);
}

/// Two pipes whose bytes pass through the test's hands.
struct Relayed {
  Relayed() {
    const Node one, two;
    Ends left = unix_ends(), right = unix_ends();
    near = std::move(left.two);
    far = std::move(right.one);
    const TimePoint now{};
    auto dialling = Handshake::dial(one.context, std::move(left.one), two.id(), now + kHandshakeTime).value();
    auto accepting = Handshake::accept(two.context, std::move(right.two), now + kHandshakeTime).value();
    for (int turn = 0; turn < 1000 && !(pipes.dialler && pipes.acceptor); ++turn) {
      if (!pipes.dialler) pipes.dialler = dialling.step(now).value();
      if (!pipes.acceptor) pipes.acceptor = accepting.step(now).value();
      pass(far, near, {});
      pass(near, far, {});
    }
    REQUIRE(pipes.dialler);
    REQUIRE(pipes.acceptor);
  }
  /// What waits at one side goes to the other, changed by `tamper` if given.
  static void pass(const Fd& from, const Fd& to, const std::function<void(std::vector<char>&)>& tamper) {
    std::vector<char> bytes(1 << 16);
    const ssize_t got = recv(from.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got <= 0) return;
    bytes.resize(static_cast<std::size_t>(got));
    if (tamper) tamper(bytes);
    REQUIRE(send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  Fd near, far;
  Pipes pipes;
};

}  // namespace

TEST_CASE("tls pipe: nothing written, nothing read", "[stream]") {
  Pipes pipes = some_pipes();
  std::vector<std::byte> into(10);
  CHECK(pipes.acceptor->read(into).value() == 0);
  CHECK(pipes.acceptor->read({}).value() == 0);
  CHECK(pipes.dialler->write({}).value() == 0);
  CHECK(write_one(*pipes.dialler, {}).value() == 0);
  CHECK(pipes.acceptor->read(into).value() == 0);
  CHECK_FALSE(pipes.acceptor->has_buffered());
  CHECK_FALSE(pipes.dialler->wants_write());
}

TEST_CASE("tls pipe: bytes arrive whole and in order, both ways, whatever the ranges", "[stream]") {
  for (const bool tcp : {true, false}) {
    Pipes pipes = some_pipes(tcp ? tcp_ends() : unix_ends());
    for (const std::size_t range : {1u, 7u, 1000u, 16'383u, 16'384u, 16'385u, 70'000u, 1'000'000u}) {
      const auto bytes = pattern(range < 10 ? 5000 : 1'000'000, range);
      CHECK(carry(*pipes.dialler, *pipes.acceptor, bytes, range) == bytes);
      CHECK(carry(*pipes.acceptor, *pipes.dialler, bytes, range) == bytes);
    }
  }
}

TEST_CASE("tls pipe: 64 MiB arrive as they were sent", "[stream]") {
  Pipes pipes = some_pipes();
  const auto bytes = pattern(std::size_t{64} << 20);
  CHECK(carry(*pipes.dialler, *pipes.acceptor, bytes, std::size_t{1} << 20) == bytes);
}

TEST_CASE("tls pipe: writes that the kernel takes in part are continued", "[stream]") {
  Ends ends = unix_ends();
  const int tiny = 1;  // the kernel makes some 4 KiB of it: less than a record
  REQUIRE(setsockopt(ends.one.get(), SOL_SOCKET, SO_SNDBUF, &tiny, sizeof(tiny)) == 0);
  Pipes pipes = some_pipes(std::move(ends));
  for (const std::size_t range : {100u, 5000u, 40'000u}) {
    const auto bytes = pattern(2'000'000, range);
    std::size_t partial = 0;
    CHECK(carry(*pipes.dialler, *pipes.acceptor, bytes, range, &partial) == bytes);
    CHECK(partial > 10);
  }
}

TEST_CASE("tls pipe: a full kernel is told, and that it has room again", "[stream]") {
  Pipes pipes = some_pipes();
  const auto bytes = pattern(std::size_t{32} << 20);
  std::size_t sent = write_one(*pipes.dialler, bytes).value();
  REQUIRE(sent < bytes.size());
  CHECK(pipes.dialler->wants_write());
  CHECK(write_one(*pipes.dialler, std::span{bytes}.subspan(sent)).value() == 0);
  std::vector<std::byte> arrived(bytes.size());
  std::size_t received = 0;
  while (received < bytes.size()) {
    received += pipes.acceptor->read(std::span{arrived}.subspan(received)).value();
    sent += write_one(*pipes.dialler, std::span{bytes}.subspan(sent)).value();
  }
  CHECK(sent == bytes.size());
  CHECK_FALSE(pipes.dialler->wants_write());
  CHECK(arrived == bytes);
}

TEST_CASE("tls pipe: bytes that were offered and encrypted must be offered again", "[stream]") {
  Pipes pipes = some_pipes();
  const auto bytes = pattern(std::size_t{32} << 20);
  const std::size_t sent = write_one(*pipes.dialler, bytes).value();
  REQUIRE(pipes.dialler->wants_write());
  std::vector<std::byte> arrived(bytes.size());
  for (std::size_t received = 0; received < sent;)
    received += pipes.acceptor->read(std::span{arrived}.subspan(received)).value();
  const auto broken = write_one(*pipes.dialler, std::span{bytes}.first(1));
  REQUIRE_FALSE(broken);
  CHECK(broken.error().kind() == ErrorClass::kInternal);
}

TEST_CASE("tls pipe: a message of several small ranges is one record", "[stream]") {
  Pipes pipes = some_pipes(unix_ends());
  const auto header = pattern(16), body = pattern(200), payload = pattern(3880);
  const std::span<const std::byte> ranges[] = {header, {}, body, payload};
  REQUIRE(pipes.dialler->write(ranges).value() == 4096);
  CHECK(waiting_bytes(pipes.acceptor->descriptor()) == 4096 + kRecordOverhead);
}

TEST_CASE("tls pipe: bulk behind a header travels in full records", "[stream]") {
  Pipes pipes = some_pipes(unix_ends());
  const auto header = pattern(24), piece = pattern(4 * 16'384 - 24);
  const std::span<const std::byte> ranges[] = {header, piece};
  REQUIRE(pipes.dialler->write(ranges).value() == 4 * 16'384);
  CHECK(waiting_bytes(pipes.acceptor->descriptor()) == 4 * (16'384 + kRecordOverhead));
}

TEST_CASE("tls pipe: what is decrypted and waiting is told", "[stream]") {
  Pipes pipes = some_pipes();
  const auto bytes = pattern(1000);
  REQUIRE(write_one(*pipes.dialler, bytes).value() == 1000);
  wait_readable({pipes.acceptor->descriptor()});
  std::vector<std::byte> into(600);
  REQUIRE(pipes.acceptor->read(into).value() == 600);
  CHECK(pipes.acceptor->has_buffered());
  REQUIRE(pipes.acceptor->read(into).value() == 400);
  CHECK_FALSE(pipes.acceptor->has_buffered());
}

TEST_CASE("tls pipe: the peer's end is PeerLost, after what it had said", "[stream]") {
  Pipes pipes = some_pipes();
  const auto bytes = pattern(1000);
  REQUIRE(write_one(*pipes.dialler, bytes).value() == 1000);
  pipes.dialler.reset();
  std::vector<std::byte> into(2000);
  std::size_t total = 0;
  for (;;) {
    wait_readable({pipes.acceptor->descriptor()});
    const auto got = pipes.acceptor->read(into);
    if (!got) {
      CHECK(got.error().kind() == ErrorClass::kPeerLost);
      break;
    }
    total += *got;
  }
  CHECK(total == 1000);
  CHECK(pipes.acceptor->read(into).error().kind() == ErrorClass::kPeerLost);  // for good
  CHECK(write_one(*pipes.acceptor, bytes).error().kind() == ErrorClass::kPeerLost);
}

TEST_CASE("tls pipe: writing to a peer that is gone is PeerLost with errno, and no signal", "[stream]") {
  Pipes pipes = some_pipes(unix_ends());
  pipes.acceptor.reset();
  const auto lost = write_one(*pipes.dialler, pattern(1000));
  REQUIRE_FALSE(lost);
  CHECK(lost.error().kind() == ErrorClass::kPeerLost);
  CHECK(lost.error().native_code() == EPIPE);
}

TEST_CASE("tls pipe: a bit changed on the way ends the pipe and shows nothing of its record", "[stream]") {
  Relayed relayed;
  const auto bytes = pattern(100);
  std::vector<std::byte> into(200);
  REQUIRE(write_one(*relayed.pipes.dialler, bytes).value() == 100);
  Relayed::pass(relayed.near, relayed.far, {});
  REQUIRE(relayed.pipes.acceptor->read(into).value() == 100);
  REQUIRE(write_one(*relayed.pipes.dialler, bytes).value() == 100);
  Relayed::pass(relayed.near, relayed.far, [](std::vector<char>& sealed) { sealed[50] ^= 1; });
  const auto read = relayed.pipes.acceptor->read(into);
  REQUIRE_FALSE(read);
  CHECK(read.error().kind() == ErrorClass::kMalformed);
  CHECK(read.error().native_code() != 0);
}

TEST_CASE("tls pipe: a record that is sent twice ends the pipe", "[stream][T7]") {
  Relayed relayed;
  const auto bytes = pattern(100);
  std::vector<std::byte> into(500);
  REQUIRE(write_one(*relayed.pipes.dialler, bytes).value() == 100);
  Relayed::pass(relayed.near, relayed.far, [](std::vector<char>& sealed) {
    const std::vector<char> once = sealed;
    sealed.insert(sealed.end(), once.begin(), once.end());
  });
  CHECK(relayed.pipes.acceptor->read(into).value() == 100);
  CHECK(relayed.pipes.acceptor->has_buffered());  // the failure waits
  CHECK(relayed.pipes.acceptor->read(into).error().kind() == ErrorClass::kMalformed);
}
