#include <weft/stream/tls_error.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <optional>
#include <string>
#include <utility>

#include <weft/base/result.hpp>
#include <weft/crypto/openssl_error.hpp>

namespace weft::stream {
namespace {

struct Meaning {
  ErrorClass kind;
  std::string_view message;
  std::string_view hint;
};

constexpr std::string_view kTheyAllow = "the other side must allow this node: its access rules, --allow OUR-ID";

/// What the peer's last word means; nothing for alerts that are no word of Weft's.
std::optional<Meaning> alert_meaning(int reason) {
  switch (reason - SSL_AD_REASON_OFFSET) {
    case SSL_AD_NO_APPLICATION_PROTOCOL:
      return Meaning{ErrorClass::kUnsupported, "the peer speaks no session protocol of ours",
                     "use versions of Weft that are nearer to each other"};
    case SSL_AD_PROTOCOL_VERSION:
    case SSL_AD_HANDSHAKE_FAILURE:
      return Meaning{ErrorClass::kUnsupported, "the peer does not speak our TLS 1.3", "is it a Weft node?"};
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_DECRYPT_ERROR:
    case SSL_AD_CERTIFICATE_REQUIRED:
      return Meaning{ErrorClass::kUnauthenticated, "the peer refused our identity", kTheyAllow};
    case SSL_AD_INTERNAL_ERROR:  // how our acceptor refuses what is too much
      return Meaning{ErrorClass::kOverloaded, "the peer takes no more connections now", "try again in a second"};
    default:
      return std::nullopt;
  }
}

std::optional<Meaning> local_meaning(int reason) {
  switch (reason) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return Meaning{ErrorClass::kUnauthenticated, "the peer showed no identity", "is it a Weft node?"};
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_WRONG_SIGNATURE_TYPE:
    case SSL_R_WRONG_CERTIFICATE_TYPE:
    case SSL_R_UNKNOWN_CERTIFICATE_TYPE:
    case SSL_R_BAD_SIGNATURE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_EE_KEY_TOO_SMALL:
      return Meaning{ErrorClass::kUnauthenticated, "the peer's identity is not an Ed25519 key", "is it a Weft node?"};
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return Meaning{ErrorClass::kUnsupported, "the peer speaks no session protocol of ours",
                     "use versions of Weft that are nearer to each other"};
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SHARED_GROUPS:
      return Meaning{ErrorClass::kUnsupported, "the peer does not speak our TLS 1.3", "is it a Weft node?"};
    default:
      return std::nullopt;
  }
}

bool is_alert(int reason) { return reason >= SSL_AD_REASON_OFFSET; }

Error with_system_text(ErrorClass kind, std::string_view operation, std::string_view message, int code) {
  const Error told = fail_errno(code, "").error();
  return Error{kind, std::string{operation}, std::string{message}}.with_native(code, std::string{told.native_text()});
}

Error make(const Meaning& meaning, std::string_view operation, crypto::OpensslError native) {
  Error error{meaning.kind, std::string{operation}, std::string{meaning.message}};
  if (native.code != 0) error = std::move(error).with_native(static_cast<int>(native.code), std::move(native.text));
  return meaning.hint.empty() ? error : std::move(error).with_hint(std::string{meaning.hint});
}

}  // namespace

Error handshake_error(const TlsSocket& socket) {
  crypto::OpensslError native = crypto::take_openssl_error();
  if (socket.failure() != 0)
    return with_system_text(ErrorClass::kPeerUnreachable, "handshake", "the connection broke", socket.failure());
  if (socket.has_ended())
    return Error{ErrorClass::kPeerUnreachable, "handshake", "the peer closed the connection during the handshake"}
        .with_hint("is it a Weft node, and may this node talk to it? weft ping");
  const auto meaning = is_alert(native.reason) ? alert_meaning(native.reason) : local_meaning(native.reason);
  return make(meaning.value_or(
                  Meaning{ErrorClass::kMalformed, "what arrived is not a session's handshake", "is it a Weft node?"}),
              "handshake", std::move(native));
}

Error stream_error(const TlsSocket& socket, std::string_view operation) {
  crypto::OpensslError native = crypto::take_openssl_error();
  if (socket.failure() != 0)
    return with_system_text(ErrorClass::kPeerLost, operation, "the connection broke", socket.failure());
  if (native.code == 0 || socket.has_ended())
    return Error{ErrorClass::kPeerLost, std::string{operation}, "the peer closed the connection"};
  if (is_alert(native.reason)) {
    const auto meaning = alert_meaning(native.reason);
    return make(meaning.value_or(Meaning{ErrorClass::kPeerLost, "the peer ended the connection", ""}), operation,
                std::move(native));
  }
  return make({ErrorClass::kMalformed, "what arrived does not decrypt", ""}, operation, std::move(native));
}

}  // namespace weft::stream
