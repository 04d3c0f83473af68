#include <weft/stream/socket_pipe.hpp>

#include <netinet/tcp.h>

#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <tests/engine/stream/sockets.hpp>

using namespace weft;
using namespace weft::stream;
using namespace weft::stream::test;

namespace {
struct Two {
  explicit Two(Ends ends)
      : one(SocketPipe::open(std::move(ends.one)).value()), two(SocketPipe::open(std::move(ends.two)).value()) {}
  SocketPipe one, two;
};
}  // namespace

TEST_CASE("socket pipe: bytes arrive whole and in order, whatever the ranges", "[stream]") {
  for (const bool tcp : {true, false}) {
    Two pipes(tcp ? tcp_ends() : unix_ends());
    CHECK_FALSE(pipes.one.sealed());
    for (const std::size_t range : {1u, 1000u, 100'000u, 4'000'000u}) {
      const auto bytes = pattern(range == 1 ? 5000 : 8'000'000, range);
      CHECK(carry(pipes.one, pipes.two, bytes, range) == bytes);
    }
  }
}

TEST_CASE("socket pipe: a full kernel is told", "[stream]") {
  Two pipes(unix_ends());
  const auto bytes = pattern(std::size_t{8} << 20);
  const std::span<const std::byte> range{bytes};
  CHECK(pipes.one.write({&range, 1}).value() < bytes.size());
  CHECK(pipes.one.wants_write());
  CHECK(pipes.one.write({&range, 1}).value() == 0);
  std::vector<std::byte> into(bytes.size());
  REQUIRE(pipes.two.read(into).value() > 0);
  CHECK(pipes.two.read({}).value() == 0);
}

TEST_CASE("socket pipe: the peer's end and a broken connection are PeerLost, for good", "[stream]") {
  std::vector<std::byte> into(10);
  const std::span<const std::byte> range{into};
  Two pipes(unix_ends());
  CHECK(pipes.one.read(into).value() == 0);
  pipes.two = SocketPipe::open(std::move(unix_ends().one)).value();
  CHECK(pipes.one.read(into).error().kind() == ErrorClass::kPeerLost);
  CHECK(pipes.one.read(into).error().kind() == ErrorClass::kPeerLost);
  Two others(unix_ends());
  others.two = SocketPipe::open(std::move(unix_ends().one)).value();
  const auto lost = others.one.write({&range, 1});
  CHECK(lost.error().kind() == ErrorClass::kPeerLost);
  CHECK(lost.error().native_code() == EPIPE);
}

TEST_CASE("socket pipe: TCP sends small records at once and keeps little unsent", "[stream]") {
  Ends ends = tcp_ends();
  const int fd = ends.one.get();
  const auto pipe = SocketPipe::open(std::move(ends.one)).value();
  const auto option = [fd](int name) {
    int value = 0;
    socklen_t size = sizeof(value);
    REQUIRE(getsockopt(fd, IPPROTO_TCP, name, &value, &size) == 0);
    return value;
  };
  CHECK(option(TCP_NODELAY) != 0);
  CHECK(option(TCP_NOTSENT_LOWAT) == 128 * 1024);
}
