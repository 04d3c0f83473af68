#pragma once

#include <memory>

#include <weft/base/clock.hpp>
#include <weft/base/fd.hpp>
#include <weft/base/ids.hpp>
#include <weft/base/result.hpp>
#include <weft/stream/tls_context.hpp>
#include <weft/stream/tls_pipe.hpp>

namespace weft::stream {

/// How long one handshake may take once the connection stands.
inline constexpr Duration kHandshakeTime = std::chrono::seconds{2};

/// One TLS handshake, driven without blocking. One loop owns it.
class Handshake {
 public:
  /// Over a connected socket, as dialler. Only the node whose id is `expected` will do.
  static Result<Handshake> dial(const TlsContext& context, Fd fd, const NodeId& expected, TimePoint deadline);
  /// As acceptor: any Ed25519 identity will do, and TlsPipe::peer() tells which it was.
  static Result<Handshake> accept(const TlsContext& context, Fd fd, TimePoint deadline);

  /// To be called when the descriptor is ready and at the deadline. The pipe when it is done; null while it is in
  /// progress; else, and for good: Unauthenticated (another node, or no identity), Unsupported (no common version or
  /// protocol), DeadlineExceeded, PeerUnreachable (it broke), Malformed (that was not TLS). After a pipe or an error
  /// there is nothing left to call.
  Result<std::unique_ptr<TlsPipe>> step(TimePoint now);

  int descriptor() const noexcept { return pipe_->descriptor(); }
  /// Wait for writable when true, for readable else.
  bool wants_write() const noexcept { return pipe_->wants_write(); }
  TimePoint deadline() const noexcept { return deadline_; }

 private:
  Handshake(std::unique_ptr<TlsPipe> pipe, TimePoint deadline);
  static Result<Handshake> begin(const TlsContext& context, Fd fd, const NodeId* expected, TimePoint deadline);

  std::unique_ptr<TlsPipe> pipe_;  // not given out before the handshake is done
  TimePoint deadline_;
};

}  // namespace weft::stream
