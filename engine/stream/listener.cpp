#include <weft/stream/listener.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <weft/stream/socket.hpp>

namespace weft::stream {
namespace {

constexpr int kBacklog = 4096;  // the kernel cuts it to net.core.somaxconn

Fd open_reserve() noexcept { return Fd{::open("/dev/null", O_RDONLY | O_CLOEXEC)}; }

/// Whether nobody listens at this path any more: a crash leaves the file behind.
bool is_abandoned(const SocketAddress& address) {
  struct stat status{};
  if (lstat(address.path().c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  auto probe = open_stream_socket(address);
  return probe && connect(probe->get(), address.raw(), address.size()) != 0 && errno == ECONNREFUSED;
}

Result<void> bind_unix(int fd, const SocketAddress& address) {
  // On Linux the file gets the socket's mode, so it is never open to others, not even for a moment.
  if (fchmod(fd, S_IRUSR | S_IWUSR) != 0) return fail_errno(errno, "fchmod");
  if (bind(fd, address.raw(), address.size()) == 0) return {};
  const int code = errno;
  if (code == EADDRINUSE && is_abandoned(address) && unlink(address.path().c_str()) == 0 &&
      bind(fd, address.raw(), address.size()) == 0)
    return {};
  return fail_errno(code, "bind", address.to_string());
}

Result<void> bind_tcp(int fd, const SocketAddress& address) {
  const int on = 1, off = 0;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) return fail_errno(errno, "setsockopt");
  if (address.family() == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0)
    return fail_errno(errno, "setsockopt");
  if (bind(fd, address.raw(), address.size()) != 0) return fail_errno(errno, "bind", address.to_string());
  return {};
}

Error with_listen_hint(Error error, const SocketAddress& address) {
  switch (error.native_code()) {
    case EADDRINUSE:
      return std::move(error).with_hint("another process listens there: stop it, choose another, or use port 0");
    case EADDRNOTAVAIL:
      return std::move(error).with_hint("this host has no such address: ip -brief address");
    case EACCES:
      return std::move(error).with_hint(address.is_unix() ? "the folder must be writable by this user"
                                                          : "ports below 1024 need a privilege");
    case ENOENT:
      return std::move(error).with_hint("make the folder first");
    default:
      return error;
  }
}

bool is_shortage(int code) { return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM; }

/// Failures of one connection that was about to be accepted; the next one may be well (accept(2)).
bool is_of_that_connection(int code) {
  switch (code) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EPERM:
      return true;
    default:
      return false;
  }
}

}  // namespace

void Listener::PathTraits::close(const std::string* path) noexcept {
  unlink(path->c_str());
  delete path;
}

Listener::Listener(Fd fd, SocketAddress address, UniqueHandle<PathTraits> file)
    : file_(std::move(file)), fd_(std::move(fd)), address_(address), reserve_(open_reserve()) {}

Result<Listener> Listener::open(const SocketAddress& address) {
  WEFT_LET(Fd fd, open_stream_socket(address));
  Result<void> bound = address.is_unix() ? bind_unix(fd.get(), address) : bind_tcp(fd.get(), address);
  if (!bound) return fail(with_listen_hint(std::move(bound).error(), address));
  UniqueHandle<PathTraits> file;
  if (address.is_unix()) file.reset(new std::string{address.path()});
  if (::listen(fd.get(), kBacklog) != 0)
    return fail(with_listen_hint(fail_errno(errno, "listen", address.to_string()).error(), address));
  WEFT_LET(const SocketAddress local, SocketAddress::local_of(fd.get()));
  return Listener{std::move(fd), local, std::move(file)};
}

Result<std::optional<Listener::Accepted>> Listener::accept() {
  for (int attempt = 0; attempt < 16; ++attempt) {
    sockaddr_storage raw{};
    socklen_t size = sizeof(raw);
    Fd fd{accept4(fd_.get(), reinterpret_cast<sockaddr*>(&raw), &size, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (fd) {
      if (!prepare_connection(fd.get())) continue;  // it is gone already
      return Accepted{std::move(fd), SocketAddress::from_raw(reinterpret_cast<const sockaddr*>(&raw), size)};
    }
    const int code = errno;
    if (code == EAGAIN || code == EWOULDBLOCK) return std::nullopt;
    if (is_of_that_connection(code)) continue;
    if (is_shortage(code)) shed();
    Error error = fail_errno(code, "accept", address_.to_string()).error();
    if (code == EMFILE) error = std::move(error).with_hint("raise the limit of open files: ulimit -n");
    return fail(std::move(error));
  }
  return std::nullopt;
}

void Listener::shed() noexcept {
  if (!reserve_) return;
  reserve_.reset();
  Fd unserved{accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  unserved.reset();  // before its place is taken again
  reserve_ = open_reserve();
}

}  // namespace weft::stream
