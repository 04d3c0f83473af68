#include <weft/crypto/mac.hpp>

#include <catch2/catch_test_macros.hpp>
#include <string_view>
#include <weft/base/text.hpp>

using namespace weft;

namespace {
std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span{text}); }
}  // namespace

TEST_CASE("mac: it is HMAC-SHA256, cut to 16 bytes", "[crypto]") {
  // RFC 4231, test case 2.
  const auto code = crypto::mac(bytes("Jefe"), bytes("what do ya want for nothing?"));
  REQUIRE(code);
  CHECK(to_hex(*code) == "5bdcc146bf60754e6a042426089575c7");
}

TEST_CASE("mac: an empty key and an empty message have a code too", "[crypto]") {
  const auto code = crypto::mac({}, {});
  REQUIRE(code);
  CHECK(to_hex(*code) == "b613679a0814d9ec772f95d778c35fc5");
}

TEST_CASE("mac: comparison tells equal from unequal and from another length", "[crypto]") {
  CHECK(crypto::equal_in_constant_time(bytes("abc"), bytes("abc")));
  CHECK_FALSE(crypto::equal_in_constant_time(bytes("abc"), bytes("abd")));
  CHECK_FALSE(crypto::equal_in_constant_time(bytes("abc"), bytes("ab")));
  CHECK(crypto::equal_in_constant_time({}, {}));
}
