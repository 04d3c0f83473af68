#include <weft/crypto/random.hpp>

#include <openssl/rand.h>

#include <algorithm>
#include <limits>

#include <weft/crypto/openssl_error.hpp>

namespace weft::crypto {
namespace {

template <class Bytes>
Result<Bytes> draw() {
  Bytes drawn{};
  WEFT_TRY(fill_random(drawn));
  return drawn;
}

}  // namespace

Result<void> fill_random(std::span<std::byte> out) {
  while (!out.empty()) {
    const std::size_t part = std::min<std::size_t>(out.size(), std::numeric_limits<int>::max());
    if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(part)) != 1)
      return fail_openssl(ErrorClass::kInternal, "RAND_bytes", "the system gave no random numbers");
    out = out.subspan(part);
  }
  return {};
}

Result<std::uint64_t> random_u64() {
  std::uint64_t value = 0;
  WEFT_TRY(fill_random(std::as_writable_bytes(std::span{&value, 1})));
  return value;
}

Result<Incarnation> draw_incarnation() {
  WEFT_LET(auto bytes, draw<std::array<std::byte, 16>>());
  return Incarnation{bytes};
}

Result<SessionId> draw_session_id() { return draw<SessionId>(); }

}  // namespace weft::crypto
