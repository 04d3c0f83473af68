#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/result.hpp>
#include <weft/stream/socket_address.hpp>

namespace weft::stream {

/// Where a session listens, as tickets and people spell it: "tcp://127.0.0.1:41873", "tcp://[::1]:41873",
/// "tcp://gpu-07:41873", "unix:///run/weft/a.sock". A value.
struct Address {
  enum class Kind : std::uint8_t { kTcp, kUnix };
  Kind kind = Kind::kTcp;
  std::string host{};      ///< kTcp: a name or a number, without brackets
  std::uint16_t port = 0;  ///< kTcp: 0 lets a listener choose
  std::string path{};      ///< kUnix: absolute

  /// "HOST:PORT" without a scheme is tcp. InvalidArgument says what is wrong and how it should look.
  static Result<Address> parse(std::string_view text);
  std::string to_string() const;
  bool operator==(const Address&) const = default;
};

/// The address without asking anybody. InvalidArgument: the host is a name.
Result<SocketAddress> numeric_address(const Address& address);
/// At most 8 addresses, in the resolver's order. Blocks for names, so it is for a worker. PeerUnreachable: no such
/// host.
Result<std::vector<SocketAddress>> resolve_address(const Address& address);
/// Whether it can be nowhere but on this host: a Unix socket or a loopback number. A name is not (it may change).
bool is_loopback(const Address& address);

}  // namespace weft::stream
