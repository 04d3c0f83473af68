#pragma once

#include <array>
#include <cstddef>
#include <span>

#include <weft/base/result.hpp>
#include <weft/base/unique_handle.hpp>

struct evp_cipher_ctx_st;

namespace weft::crypto {

/// AES-256-GCM under one key. One thread at a time.
/// A nonce must never seal twice under one key: the caller counts. Sizes in bytes; sealed = plain + kTagBytes.
class Aead {
 public:
  static constexpr std::size_t kKeyBytes = 32, kNonceBytes = 12, kTagBytes = 16;
  using Key = std::array<std::byte, kKeyBytes>;
  using Nonce = std::array<std::byte, kNonceBytes>;

  /// Internal when OpenSSL cannot.
  static Result<Aead> open(const Key& key);

  /// Encrypts `plain` into `sealed` (may be the same place), the tag behind it; `bound` is authenticated and not sent.
  /// InvalidArgument: sealed.size() is not plain.size() + kTagBytes.
  Result<void> seal(const Nonce& nonce, std::span<const std::byte> bound, std::span<const std::byte> plain,
                    std::span<std::byte> sealed);
  /// The reverse. Unauthenticated when a bit of sealed, bound, nonce or key differs: `plain` is then zeroed.
  /// Malformed: no room for a tag. InvalidArgument: plain.size() is not sealed.size() - kTagBytes.
  Result<void> unseal(const Nonce& nonce, std::span<const std::byte> bound, std::span<const std::byte> sealed,
                      std::span<std::byte> plain);

 private:
  struct ContextTraits {
    using Handle = evp_cipher_ctx_st*;
    static Handle none() noexcept { return nullptr; }
    static void close(Handle context) noexcept;
  };
  using Context = UniqueHandle<ContextTraits>;
  Aead(Context sealer, Context unsealer);

  Context sealer_;  // keyed once: the key schedule costs as much as a kilobyte
  Context unsealer_;
};

}  // namespace weft::crypto
