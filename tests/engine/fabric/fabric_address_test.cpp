#include <array>
#include <catch2/catch_test_macros.hpp>

#include <weft/fabric/fabric_address.hpp>

using namespace weft;
using namespace weft::fabric;

TEST_CASE("an address survives base64", "[fabric][O-48]") {
  const std::array bytes{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}, std::byte{5}};
  const FabricAddress address = unwrap(FabricAddress::from_bytes(bytes));
  CHECK(address.to_base64() == "AQIDBAU=");
  CHECK(address.size() == 5);
  CHECK(FabricAddress::from_base64("AQIDBAU=") == address);
}

TEST_CASE("what is no base64 is refused", "[fabric][O-48]") {
  for (std::string_view text : {"", "A", "!!!!", "AAAA====", "AQIDBAU"}) {
    const auto read = FabricAddress::from_base64(text);
    REQUIRE_FALSE(read);
    CHECK(read.error().kind() == ErrorClass::kInvalidArgument);
  }
  CHECK_FALSE(FabricAddress::from_bytes({}));
}

TEST_CASE("numeric addresses are read and written the same", "[fabric][O-49]") {
  for (std::string_view text : {"127.0.0.1:7000", "[::1]:7000", "0.0.0.0:65535", "[fe80::1]:1"})
    CHECK(unwrap(FabricAddress::parse(text)).to_string() == text);
  CHECK(unwrap(FabricAddress::parse("127.0.0.1:258")).port() == 258);
  CHECK(unwrap(FabricAddress::parse("[::1]:258")).port() == 258);
  CHECK(unwrap(FabricAddress::parse("127.0.0.1")).to_string() == "127.0.0.1:0");
  CHECK(unwrap(FabricAddress::parse("[::1]")).port() == 0);
}

TEST_CASE("what is no numeric address is refused with a hint", "[fabric][O-49]") {
  for (std::string_view text : {"", ":", "localhost:1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1",
                                "127.0.0.1:1 ", "[::1", "[::1]7", "[]:1", "::1", "1.2.3:4"}) {
    const auto read = FabricAddress::parse(text);
    INFO(text);
    REQUIRE_FALSE(read);
    CHECK(read.error().kind() == ErrorClass::kInvalidArgument);
    CHECK_FALSE(read.error().hint().empty());
  }
}
