#include <weft/crypto/identity.hpp>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <array>
#include <span>
#include <utility>

#include <weft/crypto/identity_file.hpp>
#include <weft/crypto/openssl_error.hpp>
#include <weft/crypto/random.hpp>

namespace weft::crypto {

void Identity::KeyTraits::close(evp_pkey_st* key) noexcept { EVP_PKEY_free(key); }
void Identity::CertificateTraits::close(x509_st* certificate) noexcept { X509_free(certificate); }

Identity::Identity(Key key, Certificate certificate, const NodeId& node_id)
    : key_(std::move(key)), certificate_(std::move(certificate)), node_id_(node_id) {}

Result<NodeId> node_id_of(const evp_pkey_st* key) {
  if (key == nullptr || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519)
    return fail(ErrorClass::kUnauthenticated, "identity", "the key is not an Ed25519 key");
  NodeId id{};
  std::size_t size = id.bytes.size();
  if (EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(id.bytes.data()), &size) != 1 ||
      size != id.bytes.size())
    return fail_openssl(ErrorClass::kUnauthenticated, "identity", "the key has no public part of 32 bytes");
  return id;
}

Result<Identity> Identity::generate() {
  Key key{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
  if (!key) return fail_openssl(ErrorClass::kInternal, "identity", "no Ed25519 key could be made");
  return from_key(std::move(key));
}

Result<Identity> Identity::load(const std::filesystem::path& path) {
  WEFT_LET(const SecretText pem, read_secret_file(path));
  WEFT_LET(Key key, [&]() -> Result<Key> {
    WEFT_LET(auto* const parsed, parse_private_key(pem.view(), path));
    return Key{parsed};
  }());
  return from_key(std::move(key));
}

Result<Identity> Identity::load_or_create(const std::filesystem::path& path) {
  Result<Identity> loaded = load(path);
  if (loaded || loaded.error().kind() != ErrorClass::kNotFound) return loaded;
  WEFT_LET(Identity fresh, generate());
  Result<void> saved = fresh.save(path);
  if (saved) return fresh;
  if (saved.error().kind() == ErrorClass::kExists) return load(path);  // another process was faster
  return fail(std::move(saved).error());
}

Result<void> Identity::save(const std::filesystem::path& path) const {
  WEFT_LET(const SecretText pem, print_private_key(key_.get()));
  return write_secret_file(path, pem.view());
}

Result<Mac> Identity::derive(std::string_view label) const {
  std::array<unsigned char, 32> secret{};
  std::size_t size = secret.size();
  if (EVP_PKEY_get_raw_private_key(key_.get(), secret.data(), &size) != 1 || size != secret.size())
    return fail_openssl(ErrorClass::kInternal, "identity", "the private key could not be read");
  auto derived = mac(std::as_bytes(std::span(secret)), std::as_bytes(std::span(label)));
  OPENSSL_cleanse(secret.data(), secret.size());
  return derived;
}

Result<Identity> Identity::from_key(Key key) {
  WEFT_LET(const NodeId id, node_id_of(key.get()));
  WEFT_LET(Certificate certificate, certify(key.get(), id));
  return Identity{std::move(key), std::move(certificate), id};
}

Result<Identity::Certificate> Identity::certify(evp_pkey_st* key, const NodeId& node_id) {
  WEFT_LET(const std::uint64_t serial, random_u64());
  Certificate certificate{X509_new()};
  X509* x509 = certificate.get();
  const std::string name = node_id.short_string();
  // Validity is no part of what peers check, and a clock that is wrong at either end must not matter.
  const bool made = x509 != nullptr && X509_set_version(x509, X509_VERSION_3) == 1 &&
                    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), serial) == 1 &&
                    ASN1_TIME_set_string_X509(X509_getm_notBefore(x509), "20000101000000Z") == 1 &&
                    ASN1_TIME_set_string_X509(X509_getm_notAfter(x509), "99991231235959Z") == 1 &&
                    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8,
                                               reinterpret_cast<const unsigned char*>(name.data()),
                                               static_cast<int>(name.size()), -1, 0) == 1 &&
                    X509_set_issuer_name(x509, X509_get_subject_name(x509)) == 1 && X509_set_pubkey(x509, key) == 1 &&
                    X509_sign(x509, key, nullptr) > 0;  // Ed25519 brings its own digest
  if (!made) return fail_openssl(ErrorClass::kInternal, "identity", "the certificate could not be made");
  return certificate;
}

}  // namespace weft::crypto
