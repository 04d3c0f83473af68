#pragma once

#include <filesystem>
#include <string_view>

#include <weft/base/ids.hpp>
#include <weft/base/result.hpp>
#include <weft/base/unique_handle.hpp>
#include <weft/crypto/mac.hpp>

struct evp_pkey_st;
struct x509_st;

namespace weft::crypto {

/// An Ed25519 key pair and the self-signed certificate made from it (CN: the short node id; it never expires, since
/// the key is what peers check). Immutable: any thread may read it. The file functions block.
class Identity {
 public:
  /// A fresh key. Internal when OpenSSL cannot.
  static Result<Identity> generate();

  /// Reads a PKCS#8 PEM file. NotFound: no file. Forbidden: it, or where it is, may be read by others than its owner (a
  /// hint tells what to do), or we may not read it. Malformed: not an Ed25519 private key in PEM.
  static Result<Identity> load(const std::filesystem::path& path);
  /// Loads the file, or makes a key and saves it there. Two processes doing so at once end with the same identity.
  static Result<Identity> load_or_create(const std::filesystem::path& path);

  /// Writes a new file of mode 0600, whole or not at all. Exists: there is a file, which is never replaced.
  Result<void> save(const std::filesystem::path& path) const;

  const NodeId& node_id() const noexcept { return node_id_; }

  /// Sixteen bytes that only this identity can make of that label, always the same. Internal when OpenSSL cannot.
  Result<Mac> derive(std::string_view label) const;

  /// Borrowed, for OpenSSL's own calls (which count references).
  evp_pkey_st* key() const noexcept { return key_.get(); }
  x509_st* certificate() const noexcept { return certificate_.get(); }

 private:
  struct KeyTraits {
    using Handle = evp_pkey_st*;
    static Handle none() noexcept { return nullptr; }
    static void close(Handle key) noexcept;
  };
  struct CertificateTraits {
    using Handle = x509_st*;
    static Handle none() noexcept { return nullptr; }
    static void close(Handle certificate) noexcept;
  };
  using Key = UniqueHandle<KeyTraits>;
  using Certificate = UniqueHandle<CertificateTraits>;

  Identity(Key key, Certificate certificate, const NodeId& node_id);
  static Result<Identity> from_key(Key key);
  static Result<Certificate> certify(evp_pkey_st* key, const NodeId& node_id);

  Key key_;
  Certificate certificate_;
  NodeId node_id_;
};

/// The node id that a public key is, when it is an Ed25519 key; else Unauthenticated.
Result<NodeId> node_id_of(const evp_pkey_st* key);

}  // namespace weft::crypto
