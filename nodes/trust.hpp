#pragma once

#include <array>
#include <string>
#include <vector>

#include <weft/base/result.hpp>
#include <weft/stream/socket_address.hpp>

namespace weft {

/// The networks in which an operator lets bulk travel in clear. Loopback always is one. A value.
class Trust {
 public:
  /// "10.0.0.0/8", "192.168.7.1", "fd00::/8". InvalidArgument for anything else.
  static Result<Trust> parse(const std::vector<std::string>& networks);
  bool covers(const stream::SocketAddress& address) const;

 private:
  struct Network {
    std::array<unsigned char, 16> bytes{};  // IPv4 as ::ffff:a.b.c.d
    unsigned bits = 0;
  };
  std::vector<Network> networks_;
};

/// Where the listeners of rails bind, for a node that listens at these addresses: loopback when that is all of them,
/// else every address of the family; which one a peer is told is the one its session uses.
std::string rail_host(const std::vector<std::string>& listen);
/// A listen option as the session listener takes it: ":7700" is every interface, "127.0.0.1" gets an ephemeral port.
std::string listen_address(const std::string& option);

}  // namespace weft
