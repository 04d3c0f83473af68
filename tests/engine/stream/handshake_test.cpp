#include <weft/stream/handshake.hpp>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <string>
#include <tests/engine/stream/sockets.hpp>

using namespace weft;
using namespace weft::stream;
using namespace weft::stream::test;

namespace {

const TimePoint kNow{std::chrono::hours{1}};

struct Ending {
  Result<std::unique_ptr<TlsPipe>> dialler, acceptor;
};
/// Drives both ends until both have ended.
Ending run(Handshake dialling, Handshake accepting) {
  Ending ending{std::unique_ptr<TlsPipe>{}, std::unique_ptr<TlsPipe>{}};
  const auto over = [](const auto& result) { return !result || *result; };
  for (int turn = 0; turn < 1000 && !(over(ending.dialler) && over(ending.acceptor)); ++turn) {
    if (!over(ending.dialler)) ending.dialler = dialling.step(kNow);
    if (!over(ending.acceptor)) ending.acceptor = accepting.step(kNow);
  }
  REQUIRE(over(ending.dialler));
  REQUIRE(over(ending.acceptor));
  return ending;
}

/// An OpenSSL client of another make, against our acceptor: what the acceptor says in the end.
Error meet_stranger(const std::function<void(SSL_CTX*)>& configure) {
  const Node node;
  Ends ends = unix_ends();
  auto accepting = Handshake::accept(node.context, std::move(ends.two), kNow + kHandshakeTime).value();
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  configure(context);
  SSL* stranger = SSL_new(context);
  SSL_CTX_free(context);
  SSL_set_fd(stranger, ends.one.get());
  Result<std::unique_ptr<TlsPipe>> result{std::unique_ptr<TlsPipe>{}};
  for (int turn = 0; turn < 1000 && result && !*result; ++turn) {
    ERR_clear_error();
    SSL_connect(stranger);
    result = accepting.step(kNow);
  }
  SSL_free(stranger);
  ERR_clear_error();
  REQUIRE_FALSE(result);
  return result.error();
}

void offer_protocol(SSL_CTX* context, std::string name) {
  name.insert(name.begin(), static_cast<char>(name.size()));
  SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(name.data()),
                          static_cast<unsigned>(name.size()));
}

void show(SSL_CTX* context, const crypto::Identity& identity) {
  SSL_CTX_use_certificate(context, identity.certificate());
  SSL_CTX_use_PrivateKey(context, identity.key());
}

void show_elliptic_curve_key(SSL_CTX* context) {
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  X509* certificate = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_sign(certificate, key, EVP_sha256());
  SSL_CTX_use_certificate(context, certificate);
  SSL_CTX_use_PrivateKey(context, key);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

/// Text in clear to our acceptor: what it says.
Error meet_text(std::string_view text, bool then_close) {
  const Node node;
  Ends ends = tcp_ends();
  auto accepting = Handshake::accept(node.context, std::move(ends.two), kNow + kHandshakeTime).value();
  send_plainly(ends.one, text);
  if (then_close) ends.one.reset();
  for (;;) {
    wait_readable({accepting.descriptor()});
    auto result = accepting.step(kNow);
    if (!result) return result.error();
    REQUIRE_FALSE(*result);
  }
}

}  // namespace

TEST_CASE("handshake: each end learns the other's identity, over TCP and over a Unix socket", "[stream][T-F3]") {
  const Node one, two;
  for (const bool tcp : {true, false}) {
    const Pipes pipes = shake_hands(one, two, tcp ? tcp_ends() : unix_ends());
    CHECK(pipes.dialler->peer() == two.id());
    CHECK(pipes.acceptor->peer() == one.id());
    CHECK(pipes.dialler->sealed());
    CHECK(pipes.dialler->cipher() == pipes.acceptor->cipher());
  }
}

TEST_CASE("handshake: both ends export the same key, another for each label and each session", "[stream]") {
  const Node one, two;
  const Pipes first = shake_hands(one, two, unix_ends()), second = shake_hands(one, two, unix_ends());
  const auto key = first.dialler->export_key("EXPORTER-weft-test").value();
  CHECK(first.acceptor->export_key("EXPORTER-weft-test").value() == key);
  CHECK(first.dialler->export_key("EXPORTER-weft-other").value() != key);
  CHECK(second.dialler->export_key("EXPORTER-weft-test").value() != key);
}

TEST_CASE("handshake: another node at the address is Unauthenticated and both ids are named", "[stream][F36]") {
  const Node dialler, expected, actual;
  Ends ends = tcp_ends();
  const Ending ending =
      run(Handshake::dial(dialler.context, std::move(ends.one), expected.id(), kNow + kHandshakeTime).value(),
          Handshake::accept(actual.context, std::move(ends.two), kNow + kHandshakeTime).value());
  REQUIRE_FALSE(ending.dialler);
  const Error& error = ending.dialler.error();
  CHECK(error.kind() == ErrorClass::kUnauthenticated);
  CHECK(error.message().find(expected.id().short_string()) != std::string_view::npos);
  CHECK(error.message().find(actual.id().short_string()) != std::string_view::npos);
  CHECK_FALSE(error.hint().empty());
  // It is told, so that its log shows who knocked at the wrong door.
  REQUIRE_FALSE(ending.acceptor);
  CHECK(ending.acceptor.error().kind() == ErrorClass::kUnauthenticated);
  CHECK(ending.acceptor.error().native_code() != 0);
}

TEST_CASE("handshake: a peer that says nothing fails at the deadline and not before", "[stream][E14]") {
  const Node node;
  Ends ends = unix_ends();
  auto accepting = Handshake::accept(node.context, std::move(ends.two), kNow + kHandshakeTime).value();
  CHECK(accepting.deadline() == kNow + kHandshakeTime);
  CHECK(accepting.step(kNow).value() == nullptr);
  CHECK(accepting.step(kNow + kHandshakeTime - Duration{1}).value() == nullptr);
  const auto late = accepting.step(kNow + kHandshakeTime);
  REQUIRE_FALSE(late);
  CHECK(late.error().kind() == ErrorClass::kDeadlineExceeded);
}

TEST_CASE("handshake: what is not TLS is malformed", "[stream][F38][T-30]") {
  CHECK(meet_text("GET / HTTP/1.1\r\nHost: weft\r\n\r\n", false).kind() == ErrorClass::kMalformed);
  CHECK(meet_text(std::string(4096, '\xA5'), false).kind() == ErrorClass::kMalformed);
  const Error error = meet_text(std::string(64, '\0'), true);
  CHECK(error.kind() == ErrorClass::kMalformed);
  CHECK(error.native_code() != 0);
}

TEST_CASE("handshake: a peer that goes away is unreachable", "[stream]") {
  CHECK(meet_text("\x16\x03\x01", true).kind() == ErrorClass::kPeerUnreachable);
}

TEST_CASE("handshake: a stranger's TLS is told why not", "[stream][F39]") {
  const crypto::Identity identity = crypto::Identity::generate().value();
  CHECK(meet_stranger([&](SSL_CTX* context) {
          show(context, identity);
          offer_protocol(context, "http/1.1");
        }).kind() == ErrorClass::kUnsupported);
  CHECK(meet_stranger([&](SSL_CTX* context) { show(context, identity); }).kind() == ErrorClass::kUnsupported);
  CHECK(meet_stranger([&](SSL_CTX* context) {
          show(context, identity);
          offer_protocol(context, "weft/1");
          SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
        }).kind() == ErrorClass::kUnsupported);
}

TEST_CASE("handshake: a stranger without an Ed25519 identity is Unauthenticated", "[stream]") {
  CHECK(meet_stranger([](SSL_CTX* context) { offer_protocol(context, "weft/1"); }).kind() ==
        ErrorClass::kUnauthenticated);
  CHECK(meet_stranger([](SSL_CTX* context) {
          show_elliptic_curve_key(context);
          offer_protocol(context, "weft/1");
        }).kind() == ErrorClass::kUnauthenticated);
}

TEST_CASE("handshake: what the dialler says right behind it waits in the pipe", "[stream]") {
  const Node one, two;
  Ends ends = unix_ends();
  auto dialling = Handshake::dial(one.context, std::move(ends.one), two.id(), kNow + kHandshakeTime).value();
  auto accepting = Handshake::accept(two.context, std::move(ends.two), kNow + kHandshakeTime).value();
  REQUIRE(dialling.step(kNow).value() == nullptr);
  REQUIRE(accepting.step(kNow).value() == nullptr);
  const auto dialler = dialling.step(kNow).value();
  REQUIRE(dialler);
  const auto hello = pattern(100);
  const std::span<const std::byte> range{hello};
  REQUIRE(dialler->write({&range, 1}).value() == 100);
  const auto acceptor = accepting.step(kNow).value();
  REQUIRE(acceptor);
  CHECK(acceptor->has_buffered());
  std::vector<std::byte> into(200);
  CHECK(acceptor->read(into).value() == 100);
  CHECK_FALSE(acceptor->has_buffered());
}

TEST_CASE("tls context: a process may have any number of them in its life", "[stream]") {
  const Node first;
  const int before = BIO_get_new_index();  // of 127: OpenSSL's newer versions then refuse
  for (int i = 0; i < 3; ++i) const Node another;
  CHECK(BIO_get_new_index() == before + 1);
}
