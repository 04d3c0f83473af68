#include <weft/crypto/aead.hpp>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <limits>
#include <utility>

#include <weft/crypto/openssl_error.hpp>

namespace weft::crypto {
namespace {

constexpr std::size_t kMaxPart = std::numeric_limits<int>::max();

const unsigned char* in(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* out(std::span<std::byte> bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

/// Feeds what is bound, then the text. OpenSSL counts in int, which the callers have checked.
bool feed(EVP_CIPHER_CTX* context, std::span<const std::byte> bound, std::span<const std::byte> text,
          std::span<std::byte> into) {
  int done = 0;
  if (!bound.empty() && EVP_CipherUpdate(context, nullptr, &done, in(bound), static_cast<int>(bound.size())) != 1)
    return false;
  return text.empty() || EVP_CipherUpdate(context, out(into), &done, in(text), static_cast<int>(text.size())) == 1;
}

}  // namespace

void Aead::ContextTraits::close(evp_cipher_ctx_st* context) noexcept { EVP_CIPHER_CTX_free(context); }

Aead::Aead(Context sealer, Context unsealer) : sealer_(std::move(sealer)), unsealer_(std::move(unsealer)) {}

Result<Aead> Aead::open(const Key& key) {
  Context contexts[2];
  for (int sealing = 0; sealing < 2; ++sealing) {
    contexts[sealing].reset(EVP_CIPHER_CTX_new());
    if (!contexts[sealing] ||
        EVP_CipherInit_ex(contexts[sealing].get(), EVP_aes_256_gcm(), nullptr, in(key), nullptr, sealing) != 1)
      return fail_openssl(ErrorClass::kInternal, "aead", "AES-256-GCM is not to be had");
  }
  return Aead{std::move(contexts[1]), std::move(contexts[0])};
}

Result<void> Aead::seal(const Nonce& nonce, std::span<const std::byte> bound, std::span<const std::byte> plain,
                        std::span<std::byte> sealed) {
  if (plain.size() > kMaxPart || bound.size() > kMaxPart || sealed.size() != plain.size() + kTagBytes)
    return fail(ErrorClass::kInvalidArgument, "seal", "the output must be as long as the text and its tag");
  EVP_CIPHER_CTX* context = sealer_.get();
  int done = 0;
  unsigned char* tag = out(sealed.last(kTagBytes));
  if (EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, in(nonce), 1) != 1 ||
      !feed(context, bound, plain, sealed) || EVP_CipherFinal_ex(context, tag, &done) != 1 ||
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kTagBytes), tag) != 1)
    return fail_openssl(ErrorClass::kInternal, "seal", "AES-256-GCM failed");
  return {};
}

Result<void> Aead::unseal(const Nonce& nonce, std::span<const std::byte> bound, std::span<const std::byte> sealed,
                          std::span<std::byte> plain) {
  if (sealed.size() < kTagBytes) return fail(ErrorClass::kMalformed, "unseal", "shorter than a tag");
  const std::span<const std::byte> text = sealed.first(sealed.size() - kTagBytes);
  if (text.size() > kMaxPart || bound.size() > kMaxPart || plain.size() != text.size())
    return fail(ErrorClass::kInvalidArgument, "unseal", "the output must be as long as the text without its tag");
  std::array<std::byte, kTagBytes> tag{};
  std::copy(sealed.end() - kTagBytes, sealed.end(), tag.begin());
  EVP_CIPHER_CTX* context = unsealer_.get();
  int done = 0;
  unsigned char nothing[kTagBytes];
  if (EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, in(nonce), 0) != 1 || !feed(context, bound, text, plain) ||
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTagBytes), tag.data()) != 1 ||
      EVP_CipherFinal_ex(context, nothing, &done) != 1) {
    OPENSSL_cleanse(plain.data(), plain.size());
    return fail_openssl(ErrorClass::kUnauthenticated, "unseal", "the tag does not match");
  }
  return {};
}

}  // namespace weft::crypto
