#pragma once

#include <string_view>

#include <weft/base/error.hpp>
#include <weft/stream/tls_socket.hpp>

/// What an OpenSSL call that failed for good means to a caller. Internal to this component.
namespace weft::stream {

/// Of a handshake: Unauthenticated (no certificate, or the peer refused ours), Unsupported (no common version or
/// protocol), Overloaded (the peer said so), PeerUnreachable (the connection broke), Malformed (that was not TLS).
Error handshake_error(const TlsSocket& socket);
/// Of an established connection: PeerLost (its end, or it broke), Unauthenticated (the peer refused us after all),
/// Malformed (a record that does not decrypt).
Error stream_error(const TlsSocket& socket, std::string_view operation);

}  // namespace weft::stream
