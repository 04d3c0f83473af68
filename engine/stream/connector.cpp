#include <weft/stream/connector.hpp>

#include <poll.h>

#include <cerrno>
#include <utility>

#include <weft/stream/socket.hpp>

namespace weft::stream {
namespace {

std::unexpected<Error> fail_connect(int code, const SocketAddress& address) {
  Error told = fail_errno(code, "connect", address.to_string()).error();
  if (code == EAGAIN && address.is_unix())  // its queue is full
    return fail(Error{ErrorClass::kOverloaded, "connect", address.to_string()}.with_native(
        code, std::string{told.native_text()}));
  switch (told.kind()) {
    case ErrorClass::kResourceExhausted:
    case ErrorClass::kPeerUnreachable:
    case ErrorClass::kForbidden:
      return fail(std::move(told));
    default:  // a reset, a time-out, a path that is not there: whatever the errno, nobody was reached
      return fail(Error{ErrorClass::kPeerUnreachable, "connect", address.to_string()}.with_native(
          code, std::string{told.native_text()}));
  }
}

}  // namespace

Connector::Connector(Fd fd, const SocketAddress& address) : fd_(std::move(fd)), address_(address) {}

Result<Connector> Connector::start(const SocketAddress& address) {
  WEFT_LET(Fd fd, open_stream_socket(address));
  WEFT_TRY(prepare_connection(fd.get()));
  if (connect(fd.get(), address.raw(), address.size()) != 0 && errno != EINPROGRESS && errno != EINTR)
    return fail_connect(errno, address);
  return Connector{std::move(fd), address};
}

Result<Fd> Connector::step() {
  pollfd ready{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
  if (poll(&ready, 1, 0) == 0) return Fd{};
  int code = 0;
  socklen_t size = sizeof(code);
  if (getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &code, &size) != 0) code = errno;
  if (code != 0) return fail_connect(code, address_);
  // A connect to a free port of this host's own ephemeral range can be given that very port and meet itself.
  const auto local = SocketAddress::local_of(fd_.get());
  const auto peer = SocketAddress::peer_of(fd_.get());
  if (!local || !peer) return fail_connect(ENOTCONN, address_);
  if (!address_.is_unix() && *local == *peer) return fail_connect(ECONNREFUSED, address_);
  return std::move(fd_);
}

}  // namespace weft::stream
