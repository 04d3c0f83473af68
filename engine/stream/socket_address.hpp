#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include <weft/base/result.hpp>

namespace weft::stream {

/// An address the kernel understands: IPv4, IPv6 or the path of a Unix socket. A value.
class SocketAddress {
 public:
  /// Of no family: no socket can be opened with it.
  SocketAddress() = default;

  /// Copies what accept, getsockname and getaddrinfo give; a size past 128 bytes is cut.
  static SocketAddress from_raw(const sockaddr* raw, socklen_t size) noexcept;
  /// InvalidArgument: empty, longer than 107 bytes, or with a NUL in it.
  static Result<SocketAddress> unix_path(std::string_view path);
  /// Of a bound or connected descriptor.
  static Result<SocketAddress> local_of(int fd);
  static Result<SocketAddress> peer_of(int fd);

  const sockaddr* raw() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const noexcept { return size_; }
  int family() const noexcept { return storage_.ss_family; }

  bool is_unix() const noexcept { return family() == AF_UNIX; }
  /// 127/8, ::1, either as the other's, or a Unix socket: the other end is on this host.
  bool is_loopback() const noexcept;
  /// The number alone: "10.0.0.5", "fe80::1"; an IPv4 address in IPv6's clothes as IPv4. Empty for Unix sockets.
  std::string host() const;
  /// 0 for Unix sockets.
  std::uint16_t port() const noexcept;
  /// Of a Unix socket; empty for other families and for the unnamed end of a connection.
  std::string path() const;

  /// "tcp://127.0.0.1:41873", "tcp://[::1]:41873", "unix:///run/weft/a.sock", "unix://" for an unnamed end.
  std::string to_string() const;
  /// Which sender this is for limits per source: one IPv4 address, one /64 of IPv6, all of this host's Unix sockets.
  std::string source() const;

  bool operator==(const SocketAddress& other) const noexcept;

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

}  // namespace weft::stream
