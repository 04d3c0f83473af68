#include <weft/stream/socket_address.hpp>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace weft::stream {
namespace {

template <class Raw>
Raw view_as(const sockaddr_storage& storage) noexcept {
  Raw raw{};
  std::memcpy(&raw, &storage, sizeof(raw));
  return raw;
}

/// The IPv4 address, host order, of an IPv4 address or of one spelt as IPv6; false for others.
bool as_ipv4(const sockaddr_storage& storage, std::uint32_t& out) noexcept {
  if (storage.ss_family == AF_INET) {
    out = ntohl(view_as<sockaddr_in>(storage).sin_addr.s_addr);
    return true;
  }
  if (storage.ss_family != AF_INET6) return false;
  const in6_addr six = view_as<sockaddr_in6>(storage).sin6_addr;
  if (!IN6_IS_ADDR_V4MAPPED(&six)) return false;
  std::memcpy(&out, six.s6_addr + 12, sizeof(out));
  out = ntohl(out);
  return true;
}

std::string ipv4_text(std::uint32_t address) {
  return fmt::format("{}.{}.{}.{}", address >> 24, (address >> 16) & 0xFF, (address >> 8) & 0xFF, address & 0xFF);
}

std::string ipv6_text(const sockaddr_in6& raw) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, &raw.sin6_addr, text.data(), text.size());
  if (raw.sin6_scope_id == 0) return text.data();
  std::array<char, IF_NAMESIZE> interface{};
  if (if_indextoname(raw.sin6_scope_id, interface.data()) == nullptr)
    return fmt::format("{}%{}", text.data(), raw.sin6_scope_id);
  return fmt::format("{}%{}", text.data(), interface.data());
}

Result<SocketAddress> name_of(int fd, int (*get)(int, sockaddr*, socklen_t*), const char* operation) {
  sockaddr_storage raw{};
  socklen_t size = sizeof(raw);
  if (get(fd, reinterpret_cast<sockaddr*>(&raw), &size) != 0) return fail_errno(errno, operation);
  return SocketAddress::from_raw(reinterpret_cast<const sockaddr*>(&raw), size);
}

}  // namespace

SocketAddress SocketAddress::from_raw(const sockaddr* raw, socklen_t size) noexcept {
  SocketAddress address;
  address.size_ = std::min<socklen_t>(size, sizeof(address.storage_));
  if (address.size_ > 0) std::memcpy(&address.storage_, raw, address.size_);
  return address;
}

Result<SocketAddress> SocketAddress::unix_path(std::string_view path) {
  sockaddr_un raw{};
  if (path.empty() || path.size() >= sizeof(raw.sun_path) || path.find('\0') != std::string_view::npos)
    return fail(ErrorClass::kInvalidArgument, "address",
                fmt::format("a Unix socket's path has 1 to {} bytes and no NUL, this one has {}",
                            sizeof(raw.sun_path) - 1, path.size()));
  raw.sun_family = AF_UNIX;
  std::ranges::copy(path, raw.sun_path);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return from_raw(reinterpret_cast<const sockaddr*>(&raw), size);
}

Result<SocketAddress> SocketAddress::local_of(int fd) {
  return name_of(fd, [](int f, sockaddr* raw, socklen_t* size) { return getsockname(f, raw, size); }, "getsockname");
}
Result<SocketAddress> SocketAddress::peer_of(int fd) {
  return name_of(fd, [](int f, sockaddr* raw, socklen_t* size) { return getpeername(f, raw, size); }, "getpeername");
}

bool SocketAddress::is_loopback() const noexcept {
  if (is_unix()) return true;
  if (std::uint32_t four = 0; as_ipv4(storage_, four)) return (four >> 24) == 127;
  if (family() != AF_INET6) return false;
  const in6_addr six = view_as<sockaddr_in6>(storage_).sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&six);
}

std::string SocketAddress::host() const {
  if (std::uint32_t four = 0; as_ipv4(storage_, four)) return ipv4_text(four);
  return family() == AF_INET6 ? ipv6_text(view_as<sockaddr_in6>(storage_)) : std::string{};
}

std::uint16_t SocketAddress::port() const noexcept {
  if (family() == AF_INET) return ntohs(view_as<sockaddr_in>(storage_).sin_port);
  if (family() == AF_INET6) return ntohs(view_as<sockaddr_in6>(storage_).sin6_port);
  return 0;
}

std::string SocketAddress::path() const {
  constexpr std::size_t kPathAt = offsetof(sockaddr_un, sun_path);
  if (!is_unix() || size_ <= kPathAt) return {};
  const auto raw = view_as<sockaddr_un>(storage_);
  return {raw.sun_path, strnlen(raw.sun_path, std::min<std::size_t>(size_ - kPathAt, sizeof(raw.sun_path)))};
}

std::string SocketAddress::to_string() const {
  if (is_unix()) return fmt::format("unix://{}", path());
  if (std::uint32_t four = 0; as_ipv4(storage_, four)) return fmt::format("tcp://{}:{}", ipv4_text(four), port());
  if (family() == AF_INET6) return fmt::format("tcp://[{}]:{}", ipv6_text(view_as<sockaddr_in6>(storage_)), port());
  return "unknown";
}

std::string SocketAddress::source() const {
  if (is_unix()) return "unix";
  if (std::uint32_t four = 0; as_ipv4(storage_, four)) return ipv4_text(four);
  if (family() != AF_INET6) return "unknown";
  auto raw = view_as<sockaddr_in6>(storage_);
  std::memset(raw.sin6_addr.s6_addr + 8, 0, 8);
  return ipv6_text(raw) + "/64";
}

bool SocketAddress::operator==(const SocketAddress& other) const noexcept {
  return size_ == other.size_ && std::memcmp(&storage_, &other.storage_, size_) == 0;
}

}  // namespace weft::stream
