#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>
#include <weft/base/fd.hpp>
#include <weft/crypto/identity.hpp>
#include <weft/stream/address.hpp>
#include <weft/stream/handshake.hpp>
#include <weft/stream/socket_address.hpp>
#include <weft/stream/tls_context.hpp>

/// What the tests of engine/stream share: real sockets of this host, driven from one thread.
namespace weft::stream::test {

/// A node's identity and how it speaks.
struct Node {
  Node() : identity(crypto::Identity::generate().value()), context(TlsContext::open(identity).value()) {}
  const NodeId& id() const { return identity.node_id(); }
  crypto::Identity identity;
  TlsContext context;
};

struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "weft-stream-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

inline SocketAddress at(const std::string& text) { return numeric_address(Address::parse(text).value()).value(); }
inline SocketAddress any_port() { return at("127.0.0.1:0"); }

/// Two connected ends: Unix sockets.
struct Ends {
  Fd one, two;
};
inline Ends unix_ends() {
  int fds[2] = {-1, -1};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
  return {Fd{fds[0]}, Fd{fds[1]}};
}

/// A plain blocking connection to a listener, from `source` where given.
inline Fd connect_plainly(const SocketAddress& to, const char* source = nullptr) {
  Fd fd{socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)};
  REQUIRE(fd);
  if (source != nullptr) {
    const SocketAddress from = at(std::string{source} + ":0");
    REQUIRE(bind(fd.get(), from.raw(), from.size()) == 0);
  }
  REQUIRE(connect(fd.get(), to.raw(), to.size()) == 0);
  return fd;
}

/// Two connected ends: TCP over loopback. Non-blocking.
inline Ends tcp_ends() {
  const SocketAddress address = any_port();
  const Fd listener{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  REQUIRE(bind(listener.get(), address.raw(), address.size()) == 0);
  REQUIRE(listen(listener.get(), 1) == 0);
  Fd one = connect_plainly(SocketAddress::local_of(listener.get()).value());
  Fd two{accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  REQUIRE(two);
  REQUIRE(fcntl(one.get(), F_SETFL, O_NONBLOCK) == 0);
  return {std::move(one), std::move(two)};
}

/// Waits until one of the descriptors is readable (or closed); the watchdog ends a test that would hang.
inline void wait_readable(std::initializer_list<int> fds) {
  std::vector<pollfd> polled;
  for (const int fd : fds) polled.push_back({.fd = fd, .events = POLLIN, .revents = 0});
  REQUIRE(poll(polled.data(), polled.size(), 30'000) > 0);
}

inline void send_plainly(const Fd& fd, std::string_view text) {
  REQUIRE(send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

/// Whether the peer has closed, once it has done something at all. What it said before is dropped.
inline bool sees_close(const Fd& fd) {
  for (char bytes[256];;) {
    wait_readable({fd.get()});
    const ssize_t got = recv(fd.get(), bytes, sizeof(bytes), 0);
    if (got <= 0) return true;
  }
}

/// While it lives this process can open no further descriptor.
struct NoDescriptors {
  NoDescriptors() {
    // UBSan opens a pipe when it checks the type of std::error_category for the first time.
    static_cast<void>(fail_errno(EMFILE, "shortage"));
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    const Fd lowest_free{dup(0)};
    REQUIRE(lowest_free);
    rlimit none = before;
    none.rlim_cur = static_cast<rlim_t>(lowest_free.get());
    // Descriptors above the lowest free one stay open; new ones must be below the limit, and there is none.
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before); }
  rlimit before{};
};

struct Pipes {
  std::unique_ptr<TlsPipe> dialler, acceptor;
};
/// The pipes of a handshake in which nothing goes wrong.
inline Pipes shake_hands(const Node& dialler, const Node& acceptor, Ends ends) {
  const TimePoint now{};
  auto dialling = Handshake::dial(dialler.context, std::move(ends.one), acceptor.id(), now + kHandshakeTime).value();
  auto accepting = Handshake::accept(acceptor.context, std::move(ends.two), now + kHandshakeTime).value();
  Pipes pipes;
  for (int turn = 0; turn < 1000 && !(pipes.dialler && pipes.acceptor); ++turn) {
    if (!pipes.dialler) pipes.dialler = dialling.step(now).value();
    if (!pipes.acceptor) pipes.acceptor = accepting.step(now).value();
  }
  REQUIRE(pipes.dialler);
  REQUIRE(pipes.acceptor);
  return pipes;
}

/// Bytes that differ at every place and by seed, cheaply.
inline std::vector<std::byte> pattern(std::size_t size, std::uint64_t seed = 1) {
  std::vector<std::byte> bytes(size);
  std::uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
  for (std::byte& byte : bytes) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<std::byte>(state >> 32);
  }
  return bytes;
}

/// Moves all of `bytes`, cut into ranges of `range` bytes, from one pipe to the other, and returns what arrived.
inline std::vector<std::byte> carry(lane::BytePipe& from, lane::BytePipe& to, std::span<const std::byte> bytes,
                                    std::size_t range, std::size_t* partial = nullptr) {
  std::vector<std::byte> arrived(bytes.size());
  std::size_t sent = 0, received = 0;
  while (received < bytes.size()) {
    if (sent < bytes.size()) {
      std::vector<std::span<const std::byte>> ranges;
      for (std::size_t at = sent; at < bytes.size() && ranges.size() < 100; at += range)
        ranges.push_back(bytes.subspan(at, std::min(range, bytes.size() - at)));
      std::size_t offered = 0;
      for (const auto each : ranges) offered += each.size();
      const std::size_t wrote = from.write(ranges).value();
      if (partial != nullptr && wrote < offered) ++*partial;
      sent += wrote;
    }
    const std::size_t got = to.read(std::span{arrived}.subspan(received)).value();
    received += got;
    if (got == 0 && sent == bytes.size() && !to.has_buffered() && received < bytes.size())
      wait_readable({to.descriptor()});
  }
  REQUIRE(sent == bytes.size());
  return arrived;
}

}  // namespace weft::stream::test
