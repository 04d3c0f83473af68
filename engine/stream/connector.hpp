#pragma once

#include <weft/base/fd.hpp>
#include <weft/base/result.hpp>
#include <weft/stream/socket_address.hpp>

namespace weft::stream {

/// One connect in progress. One loop owns it; nothing blocks.
class Connector {
 public:
  /// Begins. Whatever the system says at once is the error: ResourceExhausted, PeerUnreachable (with errno), …
  static Result<Connector> start(const SocketAddress& address);

  /// To be called when the descriptor is writable (earlier does no harm). The connected descriptor, prepared for
  /// sessions; an empty one while it is in progress; PeerUnreachable, with errno, when it failed. After a descriptor or
  /// an error there is nothing left to call.
  Result<Fd> step();

  int descriptor() const noexcept { return fd_.get(); }
  const SocketAddress& address() const noexcept { return address_; }

 private:
  Connector(Fd fd, const SocketAddress& address);

  Fd fd_;
  SocketAddress address_;
};

}  // namespace weft::stream
