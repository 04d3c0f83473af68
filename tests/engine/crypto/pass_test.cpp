#include <weft/crypto/pass.hpp>

#include <catch2/catch_test_macros.hpp>
#include <vector>

using namespace weft;

namespace {
crypto::PassKey key_of(int fill) {
  crypto::PassKey key{};
  key.fill(static_cast<std::byte>(fill));
  return key;
}
crypto::PassFields some_fields() {
  crypto::PassFields fields{.rail = 0xABCD, .session = {}, .nonce = 0x0123456789ABCDEF};
  for (std::size_t i = 0; i < fields.session.size(); ++i) fields.session[i] = static_cast<std::byte>(i);
  return fields;
}
}  // namespace

TEST_CASE("pass: what was made is what is checked", "[crypto]") {
  const auto pass = crypto::make_pass(key_of(1), some_fields());
  REQUIRE(pass);
  CHECK(crypto::read_pass(*pass).value() == some_fields());
  CHECK(crypto::check_pass(*pass, key_of(1)).value() == some_fields());
}

TEST_CASE("pass: its layout is fixed", "[crypto]") {
  const auto pass = crypto::make_pass(key_of(1), some_fields()).value();
  const unsigned char head[8] = {'w', 'f', 't', 'p', 1, 0, 0xCD, 0xAB};
  for (std::size_t i = 0; i < 8; ++i) CHECK(pass[i] == static_cast<std::byte>(head[i]));
  CHECK(pass[8] == std::byte{0});
  CHECK(pass[23] == std::byte{15});
  CHECK(pass[24] == std::byte{0xEF});
  CHECK(pass[31] == std::byte{0x01});
}

TEST_CASE("pass: another session's key is refused", "[crypto][T7]") {
  const auto pass = crypto::make_pass(key_of(1), some_fields()).value();
  const auto checked = crypto::check_pass(pass, key_of(2));
  REQUIRE_FALSE(checked);
  CHECK(checked.error().kind() == ErrorClass::kUnauthenticated);
}

TEST_CASE("pass: every flipped bit is refused", "[crypto][T-F3]") {
  const auto pass = crypto::make_pass(key_of(1), some_fields()).value();
  for (std::size_t bit = 0; bit < pass.size() * 8; ++bit) {
    auto flipped = pass;
    flipped[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    const auto checked = crypto::check_pass(flipped, key_of(1));
    REQUIRE_FALSE(checked);
    const auto expected = bit / 8 < 6 ? ErrorClass::kMalformed : ErrorClass::kUnauthenticated;
    CHECK(checked.error().kind() == expected);
  }
}

TEST_CASE("pass: any other length is malformed", "[crypto]") {
  const auto pass = crypto::make_pass(key_of(1), some_fields()).value();
  for (std::size_t size : {0u, 1u, 47u, 49u, 55u}) {
    std::vector<std::byte> bytes(pass.begin(), pass.end());
    bytes.resize(size);
    const auto checked = crypto::check_pass(bytes, key_of(1));
    REQUIRE_FALSE(checked);
    CHECK(checked.error().kind() == ErrorClass::kMalformed);
  }
}
