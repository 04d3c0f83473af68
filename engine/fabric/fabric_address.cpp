#include <weft/fabric/fabric_address.hpp>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <rdma/fabric.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_errno.h>

#include <array>
#include <charconv>
#include <cstring>

#include <weft/base/text.hpp>
#include <weft/fabric/fabric_error.hpp>

namespace weft::fabric {
namespace {

std::unexpected<Error> bad(std::string_view text, std::string_view why) {
  return fail(
      Error{ErrorClass::kInvalidArgument, "fabric address", fmt::format("\"{}\": {}", escaped(text), why)}.with_hint(
          "write it as 127.0.0.1:7000 or [::1]:7000"));
}

template <class Socket>
std::vector<std::byte> bytes_of(const Socket& socket) {
  std::vector<std::byte> bytes(sizeof socket);
  std::memcpy(bytes.data(), &socket, sizeof socket);
  return bytes;
}

struct HostAndPort {
  std::string host;
  std::uint16_t port = 0;
  bool six = false;
};

Result<HostAndPort> split(std::string_view text) {
  HostAndPort parts;
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return bad(text, "the bracket is not closed");
    parts.host = text.substr(1, end - 1);
    parts.six = true;
    port = text.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) return bad(text, "there is something between address and port");
  } else {
    const auto colon = text.find(':');
    parts.host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon);
  }
  if (port.empty()) return parts;
  port.remove_prefix(1);
  const auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), parts.port);
  if (code != std::errc{} || end != port.data() + port.size() || port.empty())
    return bad(text, "the port is no number");
  return parts;
}

}  // namespace

Result<FabricAddress> FabricAddress::from_bytes(std::span<const std::byte> bytes) {
  if (bytes.empty()) return fail(ErrorClass::kInvalidArgument, "fabric address", "it is empty");
  return FabricAddress{std::vector<std::byte>(bytes.begin(), bytes.end())};
}

Result<FabricAddress> FabricAddress::from_fid(fid* object) {
  std::size_t size = 64;
  std::vector<std::byte> bytes(size);
  int code = fi_getname(object, bytes.data(), &size);
  if (code == -FI_ETOOSMALL) {
    bytes.resize(size);
    code = fi_getname(object, bytes.data(), &size);
  }
  if (code != 0) return fail_code(code, "fi_getname");
  bytes.resize(size);
  return FabricAddress{std::move(bytes)};
}

Result<FabricAddress> FabricAddress::from_fid(const fid_ep* endpoint) {
  return from_fid(const_cast<fid*>(&endpoint->fid));
}

Result<FabricAddress> FabricAddress::from_fid(const fid_pep* endpoint) {
  return from_fid(const_cast<fid*>(&endpoint->fid));
}

Result<FabricAddress> FabricAddress::parse(std::string_view text) {
  WEFT_LET(HostAndPort parts, split(text));
  if (parts.six) {
    sockaddr_in6 socket{};
    socket.sin6_family = AF_INET6;
    socket.sin6_port = htons(parts.port);
    if (inet_pton(AF_INET6, parts.host.c_str(), &socket.sin6_addr) != 1) return bad(text, "this is no IPv6 address");
    return FabricAddress{bytes_of(socket)};
  }
  sockaddr_in socket{};
  socket.sin_family = AF_INET;
  socket.sin_port = htons(parts.port);
  if (inet_pton(AF_INET, parts.host.c_str(), &socket.sin_addr) != 1) return bad(text, "this is no numeric address");
  return FabricAddress{bytes_of(socket)};
}

Result<FabricAddress> FabricAddress::from_base64(std::string_view text) {
  auto bytes = weft::from_base64(text);
  if (!bytes)
    return fail(ErrorClass::kInvalidArgument, "fabric address", fmt::format("not base64: {}", bytes.error().message()));
  return from_bytes(*bytes);
}

std::string FabricAddress::to_base64() const { return weft::to_base64(bytes_); }

std::uint16_t FabricAddress::port() const noexcept {
  sa_family_t family = AF_UNSPEC;
  if (bytes_.size() >= sizeof family) std::memcpy(&family, bytes_.data(), sizeof family);
  in_port_t port = 0;  // at the same place in both kinds
  if ((family == AF_INET && bytes_.size() >= sizeof(sockaddr_in)) ||
      (family == AF_INET6 && bytes_.size() >= sizeof(sockaddr_in6)))
    std::memcpy(&port, bytes_.data() + offsetof(sockaddr_in, sin_port), sizeof port);
  return ntohs(port);
}

std::string FabricAddress::to_string() const {
  sockaddr_in six_or_four{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (bytes_.size() >= sizeof six_or_four) std::memcpy(&six_or_four, bytes_.data(), sizeof six_or_four);
  if (six_or_four.sin_family == AF_INET &&
      inet_ntop(AF_INET, &six_or_four.sin_addr, text.data(), text.size()) != nullptr)
    return fmt::format("{}:{}", text.data(), port());
  if (six_or_four.sin_family == AF_INET6 && bytes_.size() >= sizeof(sockaddr_in6) &&
      inet_ntop(AF_INET6, bytes_.data() + offsetof(sockaddr_in6, sin6_addr), text.data(), text.size()) != nullptr)
    return fmt::format("[{}]:{}", text.data(), port());
  return to_base64();
}

}  // namespace weft::fabric
