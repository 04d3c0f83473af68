#include <weft/wire/ticket_address.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include <weft/base/limits.hpp>
#include <weft/base/text.hpp>

namespace weft::detail {
namespace {

constexpr std::string_view kScheme = "tcp://";
enum Kind : std::uint8_t { kIpv4 = 1, kIpv6 = 2, kHost = 3, kText = 4 };
constexpr std::size_t kPortBytes = 2;

void append(std::vector<std::byte>& into, std::string_view text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  into.insert(into.end(), first, first + text.size());
}

std::string_view chars(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The port of "…:41873", written as to_chars writes it; else nothing.
std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || std::to_string(port) != text) return std::nullopt;
  return port;
}

/// Host and port of "tcp://host:port".
struct TcpAddress {
  std::string_view host;
  std::uint16_t port = 0;
};
std::optional<TcpAddress> split(std::string_view address) {
  if (!address.starts_with(kScheme)) return std::nullopt;
  address.remove_prefix(kScheme.size());
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  const std::optional<std::uint16_t> port = parse_port(address.substr(colon + 1));
  if (!port) return std::nullopt;
  return TcpAddress{.host = address.substr(0, colon), .port = *port};
}

/// What the binary form of an IP address is written as, brackets and all.
std::string ip_text(int family, const std::byte* bytes) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(family, bytes, text, sizeof text);
  return family == AF_INET6 ? "[" + std::string{text} + "]" : std::string{text};
}

/// The host's binary form, if that reads back as the same text.
std::size_t ip_bytes(std::string_view host, std::byte (&bytes)[16]) {
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const int family = bracketed ? AF_INET6 : AF_INET;
  const std::string bare{bracketed ? host.substr(1, host.size() - 2) : host};
  if (inet_pton(family, bare.c_str(), bytes) != 1 || ip_text(family, bytes) != host) return 0;
  return bracketed ? 16 : 4;
}

std::optional<std::span<const std::byte>> take(std::span<const std::byte>& bytes, std::size_t count) {
  if (bytes.size() < count) return std::nullopt;
  const std::span<const std::byte> taken = bytes.first(count);
  bytes = bytes.subspan(count);
  return taken;
}

std::optional<std::span<const std::byte>> take_counted(std::span<const std::byte>& bytes) {
  const auto length = take(bytes, 1);
  return length ? take(bytes, std::to_integer<std::size_t>((*length)[0])) : std::nullopt;
}

std::string with_port(std::string host, std::span<const std::byte> port) {
  const unsigned number = std::to_integer<unsigned>(port[0]) | std::to_integer<unsigned>(port[1]) << 8;
  return std::string{kScheme} + std::move(host) + ":" + std::to_string(number);
}

std::optional<std::string> take_ip(int family, std::span<const std::byte>& bytes) {
  const auto ip = take(bytes, family == AF_INET6 ? 16 : 4);
  const auto port = ip ? take(bytes, kPortBytes) : std::nullopt;
  if (!port) return std::nullopt;
  return with_port(ip_text(family, ip->data()), *port);
}

std::optional<std::string> take_any(std::span<const std::byte>& bytes) {
  const auto kind = take(bytes, 1);
  if (!kind) return std::nullopt;
  switch (std::to_integer<std::uint8_t>((*kind)[0])) {
    case kIpv4:
      return take_ip(AF_INET, bytes);
    case kIpv6:
      return take_ip(AF_INET6, bytes);
    case kHost: {
      const auto host = take_counted(bytes);
      const auto port = host ? take(bytes, kPortBytes) : std::nullopt;
      return port ? std::optional{with_port(std::string{chars(*host)}, *port)} : std::nullopt;
    }
    case kText: {
      const auto text = take_counted(bytes);
      return text ? std::optional{std::string{chars(*text)}} : std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

bool is_ticket_address(std::string_view address) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return !address.empty() && address.size() <= kMaxAddressBytes && is_clean_utf8(address) &&
         std::ranges::none_of(address, control);
}

void append_address(std::string_view address, std::vector<std::byte>& into) {
  const std::optional<TcpAddress> tcp = split(address);
  if (!tcp) {
    into.push_back(std::byte{kText});
    into.push_back(static_cast<std::byte>(address.size()));
    return append(into, address);
  }
  std::byte ip[16] = {};
  const std::size_t size = ip_bytes(tcp->host, ip);
  if (size != 0) {
    into.push_back(std::byte{size == 4 ? kIpv4 : kIpv6});
    into.insert(into.end(), ip, ip + size);
  } else {
    into.push_back(std::byte{kHost});
    into.push_back(static_cast<std::byte>(tcp->host.size()));
    append(into, tcp->host);
  }
  into.push_back(static_cast<std::byte>(tcp->port & 0xff));
  into.push_back(static_cast<std::byte>(tcp->port >> 8));
}

std::optional<std::string> take_address(std::span<const std::byte>& bytes) {
  const std::span<const std::byte> before = bytes;
  std::optional<std::string> address = take_any(bytes);
  if (!address || !is_ticket_address(*address)) return std::nullopt;
  std::vector<std::byte> again;
  append_address(*address, again);
  if (!std::ranges::equal(again, before.first(before.size() - bytes.size()))) return std::nullopt;
  return address;
}

}  // namespace weft::detail
