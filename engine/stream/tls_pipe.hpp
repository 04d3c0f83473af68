#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <weft/base/fd.hpp>
#include <weft/base/ids.hpp>
#include <weft/lane/byte_pipe.hpp>
#include <weft/stream/tls_context.hpp>
#include <weft/stream/tls_socket.hpp>

struct ssl_st;

namespace weft::stream {

/// An authenticated, encrypted byte pipe: TLS 1.3 over a connected TCP or Unix socket. Only a Handshake that succeeded
/// gives one out. One loop owns it. Wait for its descriptor level-triggered: a read may stop before the socket is
/// empty.
///
/// Bytes count as written once their record is with the kernel. Up to 64 KiB are encrypted ahead of that: they are the
/// prefix of what a caller that was told less than all must offer again.
class TlsPipe final : public lane::BytePipe {
 public:
  TlsPipe(const TlsPipe&) = delete;
  TlsPipe& operator=(const TlsPipe&) = delete;

  /// PeerLost: the end, or it broke. Malformed: what arrived does not decrypt. Unauthenticated: an acceptor that
  /// refused this dialler's identity says so here, after the dialler's handshake was done.
  Result<std::size_t> read(std::span<std::byte> into) override;
  Result<std::size_t> write(std::span<const std::span<const std::byte>> ranges) override;
  bool has_buffered() const override { return buffered_; }
  bool wants_write() const override { return socket_.has_unsent(); }
  bool is_drained() const override { return socket_.is_drained() && !buffered_; }
  int descriptor() const override { return socket_.descriptor(); }
  bool sealed() const override { return true; }

  /// Whose key the other end proved to hold.
  const NodeId& peer() const noexcept { return check_.met; }
  /// 32 bytes that both ends of this connection can derive, and nobody else (RFC 8446 section 7.5).
  Result<std::array<std::byte, 32>> export_key(std::string_view label) const;
  /// The cipher agreed on: "TLS_AES_128_GCM_SHA256".
  std::string_view cipher() const noexcept;

 private:
  friend class Handshake;
  struct ConnectionTraits {
    using Handle = ssl_st*;
    static Handle none() noexcept { return nullptr; }
    static void close(Handle connection) noexcept;
  };

  TlsPipe(TlsContext context, Fd fd, const NodeId* expected);
  Result<void> attach(bool dialling);
  Result<bool> handshake();  // true: done, and everything of ours is sent
  Result<void> check_protocol() const;

  struct Cursor;
  Result<std::size_t> encrypt(Cursor& cursor);
  std::unexpected<Error> end_with(Error error);

  TlsContext context_;
  TlsSocket socket_;
  std::optional<NodeId> expected_;
  PeerCheck check_;
  UniqueHandle<ConnectionTraits> ssl_;

  std::vector<std::byte> stage_;  ///< small ranges, gathered into one record
  std::size_t encrypted_ = 0;     ///< bytes offered before that are in the socket's records, not yet counted as written
  bool buffered_ = false;
  std::optional<Error> failed_;
};

}  // namespace weft::stream
