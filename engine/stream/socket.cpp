#include <weft/stream/socket.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>

namespace weft::stream {
namespace {

constexpr int kUnsentBytes = 128 * 1024;

Result<void> set_option(int fd, int level, int option, int value, const char* name) {
  if (setsockopt(fd, level, option, &value, sizeof(value)) != 0) return fail_errno(errno, "setsockopt", name);
  return {};
}

}  // namespace

Result<Fd> open_stream_socket(const SocketAddress& address) {
  Fd opened{socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!opened) return fail_errno(errno, "socket", fmt::format("no socket for {}", address.to_string()));
  return opened;
}

Result<void> prepare_connection(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return fail_errno(errno, "fcntl");
  int family = 0;
  socklen_t size = sizeof(family);
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) != 0) return fail_errno(errno, "getsockopt");
  if (family != AF_INET && family != AF_INET6) return {};
  WEFT_TRY(set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY"));
  return set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kUnsentBytes, "TCP_NOTSENT_LOWAT");
}

namespace {

Moved moved(ssize_t rc) noexcept {
  if (rc >= 0) return {.size = static_cast<std::size_t>(rc)};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {.would_block = true};
  return {.code = errno};
}

}  // namespace

Moved receive(int fd, std::span<std::byte> into) noexcept {
  ssize_t rc = 0;
  do rc = recv(fd, into.data(), into.size(), MSG_DONTWAIT);
  while (rc < 0 && errno == EINTR);
  Moved result = moved(rc);
  result.ended = rc == 0 && !into.empty();
  return result;
}

Moved transmit(int fd, std::span<const std::byte> from) noexcept {
  ssize_t rc = 0;
  do rc = send(fd, from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  while (rc < 0 && errno == EINTR);
  return moved(rc);
}

}  // namespace weft::stream
