#include <array>
#include <catch2/catch_test_macros.hpp>

#include <weft/fabric/typed_address.hpp>

using namespace weft;
using namespace weft::fabric;

namespace {

TypedAddress through_bytes(const TypedAddress& typed, AddressFormat format = AddressFormat::kUnspecified) {
  return TypedAddress::decode(unwrap(typed.encode()), format);
}

}  // namespace

TEST_CASE("every form is written as libfabric does and survives its bytes", "[fabric][O-49]") {
  const TypedAddress four = Ipv4Address{{10, 0, 0, 1}, 9000};
  CHECK(four.to_string() == "fi_sockaddr_in://10.0.0.1:9000");
  CHECK(through_bytes(four) == four);
  Ipv6Address loopback{.port = 9000};
  loopback.address[15] = 1;
  const TypedAddress six = loopback;
  CHECK(six.to_string() == "fi_sockaddr_in6://[::1]:9000");
  CHECK(through_bytes(six) == six);
  InfinibandAddress infiniband{.pkey = 0xFFFF, .service_id = 0x01060000 | 7, .scope = 0};
  infiniband.gid[0] = 0xFE;
  infiniband.gid[1] = 0x80;
  infiniband.gid[15] = 2;
  const TypedAddress ib = infiniband;
  CHECK(ib.to_string() == "fi_sockaddr_ib://[fe80::2]:0xffff:0x106:0x0");
  CHECK(through_bytes(ib) == ib);
  EfaAddress elastic{.qpn = 17, .qkey = 99};
  elastic.gid = infiniband.gid;
  const TypedAddress efa = elastic;
  CHECK(efa.to_string() == "fi_addr_efa://[fe80::2]:17:99");
  CHECK(unwrap(efa.encode()).size() == 24);
  CHECK(through_bytes(efa, AddressFormat::kEfa) == efa);
  const TypedAddress text = TextAddress{"fi_shm://17:0"};
  CHECK(text.to_string() == "fi_shm://17:0");
  CHECK(through_bytes(text) == text);
}

TEST_CASE("bytes that are short, absent or of no known family decode to nothing", "[fabric][O-49]") {
  CHECK(TypedAddress::decode(std::span<const std::byte>{}).empty());
  const FabricAddress four = unwrap(FabricAddress::parse("127.0.0.1:1"));
  CHECK_FALSE(TypedAddress::decode(four).empty());
  for (std::size_t length = 0; length < four.size(); ++length)
    CHECK(TypedAddress::decode(four.raw().first(length)).empty());
  const FabricAddress six = unwrap(FabricAddress::parse("[::1]:1"));
  CHECK(TypedAddress::decode(six.raw().first(16)).empty());
  CHECK(TypedAddress::decode(four, AddressFormat::kIpv6).empty());
  CHECK(TypedAddress::decode(four, AddressFormat::kEfa).empty());
  const std::array<std::byte, 64> unknown{std::byte{0x63}, std::byte{0x63}};
  CHECK(TypedAddress::decode(std::span{unknown}).empty());
  CHECK(TypedAddress{}.to_string().empty());
  CHECK_FALSE(TypedAddress{}.encode());
}

TEST_CASE("node and service are host-order text, whichever way the address was made", "[fabric][O-49][O-W12]") {
  const TypedAddress parsed = unwrap(TypedAddress::parse(Provider::kTcp, "10.0.0.1", "9000"));
  const TypedAddress decoded = through_bytes(parsed);
  for (const TypedAddress& one : {parsed, decoded}) {
    CHECK(one.node() == "10.0.0.1");
    CHECK(one.service() == "9000");
    CHECK(one.to_string() == "fi_sockaddr_in://10.0.0.1:9000");
  }
  CHECK(unwrap(parsed.encode()).port() == 9000);
  CHECK(unwrap(TypedAddress::parse(Provider::kVerbs, "fe80::1", "")).service() == "0");
  CHECK(unwrap(TypedAddress::parse(Provider::kEfa, "fe80::1", "ignored")).node() == "fe80::1");
  const TypedAddress shm = unwrap(TypedAddress::parse(Provider::kShm, "studio", "7"));
  CHECK(shm.to_string() == "studio:7");
  CHECK(shm.node() == "studio");
  CHECK(shm.service() == "7");
  CHECK(unwrap(TypedAddress::parse(Provider::kShm, "studio", "")).to_string() == "studio");
  CHECK(unwrap(TypedAddress::parse(Provider::kTcp, "", "")).empty());
}

TEST_CASE("what a person mistypes is an invalid argument", "[fabric][O-49]") {
  using Words = std::pair<std::string_view, std::string_view>;
  for (const auto& [node, service] : {Words{"", "9000"},
                                      {"10.0.0.1", "70000"},
                                      {"10.0.0.1", "x"},
                                      {"10.0.0.1", "-1"},
                                      {"localhost", "1"},
                                      {"10.0.0", "1"},
                                      {std::string_view{"1.2.3.4\0", 8}, "1"}}) {
    const auto parsed = TypedAddress::parse(Provider::kTcp, node, service);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().kind() == ErrorClass::kInvalidArgument);
  }
  CHECK_FALSE(TypedAddress::parse(Provider::kEfa, "10.0.0.1", ""));
  CHECK_FALSE(TypedAddress::parse(Provider::kShm,
                                  "a\x01"
                                  "b\xFF",
                                  ""));
  CHECK_FALSE(TypedAddress::parse(static_cast<Provider>(99), "a", ""));
}

TEST_CASE("libfabric's address formats are known by number", "[fabric][O-49]") {
  CHECK(address_format_of(2) == AddressFormat::kIpv4);
  CHECK(address_format_of(3) == AddressFormat::kIpv6);
  CHECK(address_format_of(4) == AddressFormat::kInfiniband);
  CHECK(address_format_of(9) == AddressFormat::kText);
  CHECK(address_format_of(12) == AddressFormat::kEfa);
  CHECK(address_format_of(999) == AddressFormat::kUnspecified);
}
