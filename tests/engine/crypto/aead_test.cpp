#include <weft/crypto/aead.hpp>

#include <catch2/catch_test_macros.hpp>
#include <string_view>
#include <vector>
#include <weft/base/text.hpp>

using namespace weft;
using crypto::Aead;

namespace {
std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span{text}); }
Aead opened() { return Aead::open(Aead::Key{}).value(); }
}  // namespace

TEST_CASE("aead: it is AES-256-GCM", "[crypto]") {
  // The GCM specification's test cases 13 and 14: key and nonce of zeros; no text, then 16 zeros.
  Aead aead = opened();
  std::vector<std::byte> sealed(16);
  REQUIRE(aead.seal({}, {}, {}, sealed));
  CHECK(to_hex(sealed) == "530f8afbc74536b9a963b4f1c4cb738b");
  sealed.resize(32);
  REQUIRE(aead.seal({}, {}, std::vector<std::byte>(16), sealed));
  CHECK(to_hex(sealed) == "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
}

TEST_CASE("aead: what was sealed is unsealed, in place too", "[crypto]") {
  Aead aead = opened();
  const std::string_view text = "the weft crosses the fabric";
  std::vector<std::byte> buffer(text.size() + Aead::kTagBytes);
  std::ranges::copy(bytes(text), buffer.begin());
  const std::span plain{buffer.data(), text.size()};
  REQUIRE(aead.seal({}, bytes("bound"), plain, buffer));
  REQUIRE_FALSE(std::ranges::equal(plain, bytes(text)));
  REQUIRE(aead.unseal({}, bytes("bound"), buffer, plain));
  CHECK(std::ranges::equal(plain, bytes(text)));
}

TEST_CASE("aead: a flipped bit, another bound text or nonce is refused and nothing is shown", "[crypto]") {
  Aead aead = opened();
  std::vector<std::byte> sealed(4 + Aead::kTagBytes);
  REQUIRE(aead.seal({}, bytes("bound"), bytes("text"), sealed));
  std::vector<std::byte> plain(4, std::byte{7});
  const auto refused = [&](const Result<void>& result) {
    return !result && result.error().kind() == ErrorClass::kUnauthenticated && plain == std::vector<std::byte>(4);
  };
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto flipped = sealed;
    flipped[i] ^= std::byte{1};
    CHECK(refused(aead.unseal({}, bytes("bound"), flipped, plain)));
  }
  CHECK(refused(aead.unseal({}, bytes("unbound"), sealed, plain)));
  CHECK(refused(aead.unseal({std::byte{1}}, bytes("bound"), sealed, plain)));
  CHECK(aead.unseal({}, bytes("bound"), sealed, plain));
}

TEST_CASE("aead: buffers of the wrong size are refused", "[crypto]") {
  Aead aead = opened();
  std::vector<std::byte> out(4);
  CHECK(aead.seal({}, {}, bytes("text"), out).error().kind() == ErrorClass::kInvalidArgument);
  CHECK(aead.unseal({}, {}, bytes("fifteen bytes.."), out).error().kind() == ErrorClass::kMalformed);
  CHECK(aead.unseal({}, {}, bytes("sixteen bytes..."), out).error().kind() == ErrorClass::kInvalidArgument);
}
