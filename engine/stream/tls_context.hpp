#pragma once

#include <memory>
#include <string_view>

#include <weft/base/ids.hpp>
#include <weft/base/result.hpp>
#include <weft/crypto/identity.hpp>

struct ssl_ctx_st;
struct ssl_st;
struct bio_method_st;

namespace weft::stream {

/// What both ends of a session must offer (ALPN).
inline constexpr std::string_view kSessionProtocol = "weft/1";

/// How this node speaks TLS, as dialler and as acceptor: TLS 1.3 only, its identity shown, the peer's Ed25519 key
/// checked, no tickets, no resumption. Immutable and shared: a value that any thread may copy and use.
class TlsContext {
 public:
  /// Internal when OpenSSL cannot (a configuration of the system that forbids Ed25519, say).
  static Result<TlsContext> open(const crypto::Identity& identity);

  const NodeId& node_id() const noexcept;

  /// For TlsPipe. Borrowed while a copy of this lives.
  ssl_ctx_st* raw() const noexcept;
  const bio_method_st* socket_method() const noexcept;

 private:
  struct Shared;
  explicit TlsContext(std::shared_ptr<const Shared> shared);
  std::shared_ptr<const Shared> shared_;
};

/// Whom a connection must meet, and whom it met. The verification of a connection's certificate fills it in.
struct PeerCheck {
  const NodeId* expected = nullptr;  ///< null: anybody, whose id is wanted
  NodeId met{};
  std::unique_ptr<Error> refused{};  ///< why the handshake was ended here
};

/// Tells where the check of a connection is kept; it must outlive the handshake.
void set_peer_check(ssl_st* connection, PeerCheck* check);

}  // namespace weft::stream
