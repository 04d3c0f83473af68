#include <weft/nodes/trust.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include <weft/stream/address.hpp>

namespace weft {
namespace {

std::array<unsigned char, 16> mapped(const in_addr& address) {
  std::array<unsigned char, 16> bytes{};
  bytes[10] = bytes[11] = 0xFF;
  std::memcpy(bytes.data() + 12, &address, 4);
  return bytes;
}

bool same_prefix(const std::array<unsigned char, 16>& a, const std::array<unsigned char, 16>& b, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin())) return false;
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<unsigned char>(0xFF << (8 - rest));
  return (a[whole] & mask) == (b[whole] & mask);
}

}  // namespace

Result<Trust> Trust::parse(const std::vector<std::string>& networks) {
  Trust trust;
  for (const std::string& text : networks) {
    const auto refuse = [&] {
      return fail(Error(ErrorClass::kInvalidArgument, "trust", "\"" + text + "\" is no network")
                      .with_hint("write it as 10.0.0.0/8 or fd00::/8"));
    };
    const std::size_t slash = text.find('/');
    const std::string host = text.substr(0, slash);
    Network network;
    in_addr v4{};
    in6_addr v6{};
    unsigned most = 128;
    unsigned offset = 0;
    if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) {
      network.bytes = mapped(v4);
      most = 32;
      offset = 96;
    } else if (::inet_pton(AF_INET6, host.c_str(), &v6) == 1) {
      std::memcpy(network.bytes.data(), &v6, 16);
    } else {
      return refuse();
    }
    unsigned bits = most;
    if (slash != std::string::npos) {
      const char* begin = text.data() + slash + 1;
      const char* end = text.data() + text.size();
      const auto [at, error] = std::from_chars(begin, end, bits);
      if (error != std::errc{} || at != end || bits > most) return refuse();
    }
    network.bits = bits + offset;
    trust.networks_.push_back(network);
  }
  return trust;
}

bool Trust::covers(const stream::SocketAddress& address) const {
  if (address.is_loopback()) return true;
  std::array<unsigned char, 16> bytes{};
  if (address.family() == AF_INET) {
    sockaddr_in raw{};
    std::memcpy(&raw, address.raw(), sizeof raw);
    bytes = mapped(raw.sin_addr);
  } else if (address.family() == AF_INET6) {
    sockaddr_in6 raw{};
    std::memcpy(&raw, address.raw(), sizeof raw);
    std::memcpy(bytes.data(), &raw.sin6_addr, 16);
  } else {
    return false;
  }
  return std::any_of(networks_.begin(), networks_.end(),
                     [&](const Network& network) { return same_prefix(bytes, network.bytes, network.bits); });
}

std::string rail_host(const std::vector<std::string>& listen) {
  bool wide = false;
  bool any_v4 = false;
  bool any_v6 = false;
  for (const std::string& text : listen) {
    const auto address = stream::Address::parse(text);
    if (!address || address->kind != stream::Address::Kind::kTcp) continue;
    wide = wide || !stream::is_loopback(*address);
    (address->host.find(':') == std::string::npos ? any_v4 : any_v6) = true;
  }
  if (any_v4 || !any_v6) return wide ? "0.0.0.0" : "127.0.0.1";
  return wide ? "[::]" : "[::1]";
}

std::string listen_address(const std::string& option) {
  if (option.find("://") != std::string::npos) return option;
  if (option.starts_with(":")) return "tcp://0.0.0.0" + option;
  const bool v6 = option.starts_with("[");
  const bool has_port = v6 ? option.find("]:") != std::string::npos : option.find(':') != std::string::npos;
  return "tcp://" + option + (has_port ? "" : ":0");
}

}  // namespace weft
