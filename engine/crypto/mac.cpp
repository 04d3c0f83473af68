#include <weft/crypto/mac.hpp>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <limits>

#include <weft/crypto/openssl_error.hpp>

namespace weft::crypto {

Result<Mac> mac(std::span<const std::byte> key, std::span<const std::byte> message) {
  if (key.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    return fail(ErrorClass::kInvalidArgument, "mac", "the key is longer than 2 GiB");
  std::array<std::byte, EVP_MAX_MD_SIZE> whole{};
  unsigned int size = 0;
  // A null key means "the same as before" to OpenSSL, so an empty one is passed as a pointer to nothing of interest.
  const void* key_data = key.empty() ? static_cast<const void*>("") : key.data();
  if (HMAC(EVP_sha256(), key_data, static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(message.data()),
           message.size(), reinterpret_cast<unsigned char*>(whole.data()), &size) == nullptr ||
      size < kMacBytes)
    return fail_openssl(ErrorClass::kInternal, "HMAC", "the code could not be computed");
  Mac cut{};
  std::copy_n(whole.begin(), cut.size(), cut.begin());
  return cut;
}

bool equal_in_constant_time(std::span<const std::byte> left, std::span<const std::byte> right) noexcept {
  if (left.size() != right.size()) return false;
  return left.empty() || CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace weft::crypto
