#include <weft/stream/address.hpp>

#include <fmt/format.h>
#include <netdb.h>

#include <cerrno>
#include <charconv>
#include <memory>
#include <optional>

#include <weft/base/limits.hpp>
#include <weft/base/text.hpp>

namespace weft::stream {
namespace {

constexpr std::string_view kTcpScheme = "tcp://";
constexpr std::string_view kUnixScheme = "unix://";

std::unexpected<Error> refuse(std::string_view text, std::string_view why) {
  return fail(Error{ErrorClass::kInvalidArgument, "address",
                    fmt::format("\"{}\": {}", escaped(text.substr(0, kMaxAddressBytes)), why)}
                  .with_hint("tcp://HOST:PORT, tcp://[IPV6]:PORT or unix:///PATH"));
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

bool is_host(std::string_view host, bool bracketed) {
  if (host.empty()) return false;
  for (const char c : host) {
    const bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter_or_digit && c != '.' && c != '-' && c != '_' && !(bracketed && (c == ':' || c == '%'))) return false;
  }
  return true;
}

Result<Address> parse_tcp(std::string_view text, std::string_view rest) {
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return refuse(text, "the port is missing");
  std::string_view host = rest.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != std::string_view::npos) return refuse(text, "an IPv6 address needs brackets");
  if (!is_host(host, bracketed)) return refuse(text, "this is no host name");
  const auto port = parse_port(rest.substr(colon + 1));
  if (!port) return refuse(text, "a port is a number from 0 to 65535");
  return Address{.kind = Address::Kind::kTcp, .host = std::string{host}, .port = *port, .path = {}};
}

struct FreeInfo {
  void operator()(addrinfo* info) const noexcept { freeaddrinfo(info); }
};
using Info = std::unique_ptr<addrinfo, FreeInfo>;

/// getaddrinfo, and its code, which is 0 on success.
int look_up(const Address& address, int flags, Info& out) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (code == 0) out.reset(found);
  return code;
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  if (text.size() > kMaxAddressBytes)
    return refuse(text, fmt::format("longer than {} bytes", std::uint64_t{kMaxAddressBytes}));
  if (text.starts_with(kUnixScheme)) {
    const std::string_view path = text.substr(kUnixScheme.size());
    if (!path.starts_with('/')) return refuse(text, "a Unix socket's path is absolute");
    if (auto checked = SocketAddress::unix_path(path); !checked) return refuse(text, checked.error().message());
    return Address{.kind = Kind::kUnix, .host = {}, .port = 0, .path = std::string{path}};
  }
  if (text.starts_with(kTcpScheme)) return parse_tcp(text, text.substr(kTcpScheme.size()));
  if (text.find("://") != std::string_view::npos) return refuse(text, "the scheme is unknown");
  return parse_tcp(text, text);
}

std::string Address::to_string() const {
  if (kind == Kind::kUnix) return fmt::format("unix://{}", path);
  const bool bracketed = host.find(':') != std::string::npos;
  return bracketed ? fmt::format("tcp://[{}]:{}", host, port) : fmt::format("tcp://{}:{}", host, port);
}

Result<SocketAddress> numeric_address(const Address& address) {
  if (address.kind == Address::Kind::kUnix) return SocketAddress::unix_path(address.path);
  Info info;
  if (const int code = look_up(address, AI_NUMERICHOST, info); code != 0)
    return fail(Error{ErrorClass::kInvalidArgument, "address",
                      fmt::format("\"{}\" is not a numeric address", escaped(address.host))}
                    .with_native(code, gai_strerror(code)));
  return SocketAddress::from_raw(info->ai_addr, info->ai_addrlen);
}

Result<std::vector<SocketAddress>> resolve_address(const Address& address) {
  if (auto numeric = numeric_address(address); numeric || address.kind == Address::Kind::kUnix) {
    if (!numeric) return fail(std::move(numeric).error());
    return std::vector{*numeric};
  }
  Info info;
  if (const int code = look_up(address, 0, info); code != 0) {
    const int native = code == EAI_SYSTEM ? errno : code;
    return fail(Error{ErrorClass::kPeerUnreachable, "resolve",
                      fmt::format("the host name \"{}\" does not resolve", escaped(address.host))}
                    .with_native(native, gai_strerror(code))
                    .with_hint("check the name and this host's resolver, or use a numeric address"));
  }
  std::vector<SocketAddress> found;
  for (const addrinfo* each = info.get(); each != nullptr && found.size() < kMaxAddresses; each = each->ai_next)
    found.push_back(SocketAddress::from_raw(each->ai_addr, each->ai_addrlen));
  return found;
}

bool is_loopback(const Address& address) {
  if (address.kind == Address::Kind::kUnix) return true;
  const auto numeric = numeric_address(address);
  return numeric && numeric->is_loopback();
}

}  // namespace weft::stream
