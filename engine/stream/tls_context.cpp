#include <weft/stream/tls_context.hpp>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <utility>

#include <weft/crypto/openssl_error.hpp>
#include <weft/stream/tls_socket.hpp>

namespace weft::stream {
namespace {

using Alpn = std::array<unsigned char, kSessionProtocol.size() + 1>;

// One network read may bring so much; records are decrypted from there, so that bulk costs a call per 128 KiB.
constexpr std::size_t kReadBufferBytes = std::size_t{128} * 1024;
// A certificate of ours has 300 bytes; what a stranger may make us hold and parse is bounded.
constexpr long kMaxCertificateBytes = 4096;

struct ContextTraits {
  using Handle = SSL_CTX*;
  static Handle none() noexcept { return nullptr; }
  static void close(Handle context) noexcept { SSL_CTX_free(context); }
};

Alpn alpn_wire() {
  Alpn wire{};
  wire[0] = static_cast<unsigned char>(kSessionProtocol.size());
  std::copy(kSessionProtocol.begin(), kSessionProtocol.end(), wire.begin() + 1);
  return wire;
}

int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  const Alpn ours = alpn_wire();
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, offered, offered_size, ours.data(), ours.size()) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = offered + (chosen - offered);  // within what was offered, which outlives this call
  return SSL_TLSEXT_ERR_OK;
}

Error wrong_peer(const NodeId& expected, const NodeId& met) {
  return Error{ErrorClass::kUnauthenticated, "handshake",
               fmt::format("the address belongs to node {}, not to {}", met.short_string(), expected.short_string())}
      .with_hint("the address was reused, or the node has a new identity: get a fresh ticket");
}

/// The only thing that counts is the key: names, dates and signatures in a certificate are its owner's own words, and
/// TLS proves that the peer holds the key.
int verify_peer(X509_STORE_CTX* store, void*) {
  const auto* connection = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* check = static_cast<PeerCheck*>(SSL_get_app_data(connection));
  X509* certificate = X509_STORE_CTX_get0_cert(store);
  Result<NodeId> met = crypto::node_id_of(certificate == nullptr ? nullptr : X509_get0_pubkey(certificate));
  if (!met) {
    check->refused = std::make_unique<Error>(std::move(met).error());
  } else if (check->expected != nullptr && *check->expected != *met) {
    check->refused = std::make_unique<Error>(wrong_peer(*check->expected, *met));
  } else {
    check->met = *met;
    return 1;
  }
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
  return 0;
}

bool configure(SSL_CTX* context, const crypto::Identity& identity) {
  const Alpn alpn = alpn_wire();
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_clear_options(context, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadBufferBytes);
  SSL_CTX_set_max_cert_list(context, kMaxCertificateBytes);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(context, verify_peer, nullptr);
  SSL_CTX_set_alpn_select_cb(context, select_protocol, nullptr);
  return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
         // The 128-bit key first: a third faster than 256 at bulk, and no weaker than the X25519 exchange.
         SSL_CTX_set_ciphersuites(context,
                                  "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1 &&
         SSL_CTX_set1_groups_list(context, "X25519") == 1 && SSL_CTX_set1_sigalgs_list(context, "ed25519") == 1 &&
         SSL_CTX_set1_client_sigalgs_list(context, "ed25519") == 1 && SSL_CTX_set_num_tickets(context, 0) == 1 &&
         SSL_CTX_use_certificate(context, identity.certificate()) == 1 &&
         SSL_CTX_use_PrivateKey(context, identity.key()) == 1 &&
         SSL_CTX_set_alpn_protos(context, alpn.data(), alpn.size()) == 0;  // this one says 0 for success
}

}  // namespace

struct TlsContext::Shared {
  UniqueHandle<ContextTraits> context;
  TlsSocket::Method method;
  NodeId node_id;
};

TlsContext::TlsContext(std::shared_ptr<const Shared> shared) : shared_(std::move(shared)) {}

Result<TlsContext> TlsContext::open(const crypto::Identity& identity) {
  Shared shared{UniqueHandle<ContextTraits>{SSL_CTX_new(TLS_method())}, {}, identity.node_id()};
  if (!shared.context || !configure(shared.context.get(), identity))
    return crypto::fail_openssl(ErrorClass::kInternal, "tls", "OpenSSL cannot speak TLS 1.3 with Ed25519 here");
  WEFT_LET(shared.method, TlsSocket::make_method());
  return TlsContext{std::make_shared<const Shared>(std::move(shared))};
}

const NodeId& TlsContext::node_id() const noexcept { return shared_->node_id; }
ssl_ctx_st* TlsContext::raw() const noexcept { return shared_->context.get(); }
const bio_method_st* TlsContext::socket_method() const noexcept { return shared_->method.get(); }

void set_peer_check(ssl_st* connection, PeerCheck* check) { SSL_set_app_data(connection, check); }

}  // namespace weft::stream
