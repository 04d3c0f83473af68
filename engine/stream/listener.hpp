#pragma once

#include <optional>
#include <string>

#include <weft/base/fd.hpp>
#include <weft/base/result.hpp>
#include <weft/stream/socket_address.hpp>

namespace weft::stream {

/// A listening stream socket, TCP or Unix. One loop owns it. A Unix socket's file has mode 0600 and goes when the
/// listener goes.
class Listener {
 public:
  struct Accepted {
    Fd fd;  ///< non-blocking, prepared for sessions
    SocketAddress peer{};
  };

  /// Port 0 is chosen by the kernel. A Unix socket's file left behind by a process that is gone is replaced. Exists:
  /// the address is in use. PeerUnreachable: no such address on this host. Forbidden, ResourceExhausted: the system's
  /// word.
  static Result<Listener> open(const SocketAddress& address);

  /// The next connection, or nothing when none waits. ResourceExhausted: out of descriptors or memory; a connection may
  /// then have been closed unserved (by a descriptor held in reserve, so that its dialler learns of it), and the caller
  /// does well to wait some 100 ms, since the descriptor stays readable. After any error the listener still works.
  Result<std::optional<Accepted>> accept();

  /// With the real port.
  const SocketAddress& address() const noexcept { return address_; }
  int descriptor() const noexcept { return fd_.get(); }

 private:
  /// Removes a bound path when dropped.
  struct PathTraits {
    using Handle = const std::string*;
    static Handle none() noexcept { return nullptr; }
    static void close(Handle path) noexcept;
  };
  Listener(Fd fd, SocketAddress address, UniqueHandle<PathTraits> file);
  void shed() noexcept;

  UniqueHandle<PathTraits> file_;
  Fd fd_;
  SocketAddress address_;
  Fd reserve_;  // closed to accept, and so to close, one connection when there are no descriptors left
};

}  // namespace weft::stream
