#include <weft/stream/address.hpp>

#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace weft;
using namespace weft::stream;

TEST_CASE("address: what is parsed is printed the same", "[stream]") {
  for (const char* text : {"tcp://127.0.0.1:41873", "tcp://[::1]:0", "tcp://gpu-07.rack_2:65535",
                           "tcp://[fe80::1%lo]:80", "unix:///run/weft/a.sock"})
    CHECK(Address::parse(text).value().to_string() == text);
  CHECK(Address::parse("0.0.0.0:0").value().to_string() == "tcp://0.0.0.0:0");
}

TEST_CASE("address: what is no address is refused with how it should look", "[stream]") {
  const std::string long_path = "unix:///" + std::string(107, 'a');
  for (const std::string& text :
       {std::string{""}, std::string{"gpu-07"}, std::string{":80"}, std::string{"host:"}, std::string{"host:65536"},
        std::string{"host:-1"}, std::string{"host:80x"}, std::string{"::1:80"}, std::string{"http://host:80"},
        std::string{"tcp://"}, std::string{"tcp://a b:1"}, std::string{"tcp://a\0b:1", 11}, std::string{"unix://"},
        std::string{"unix://relative"}, std::string{"unix:///a\0b", 11}, std::string{"tcp://[]:1"}, long_path,
        std::string(200, 'a') + ":1"}) {
    const auto parsed = Address::parse(text);
    INFO(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().kind() == ErrorClass::kInvalidArgument);
    CHECK(parsed.error().hint().find("tcp://HOST:PORT") != std::string_view::npos);
  }
}

TEST_CASE("address: numbers need no resolver, names do", "[stream]") {
  const auto number = numeric_address(Address::parse("127.0.0.1:80").value());
  CHECK(number.value().to_string() == "tcp://127.0.0.1:80");
  CHECK(number.value().port() == 80);
  CHECK(numeric_address(Address::parse("[2001:db8::1]:80").value()).value().to_string() == "tcp://[2001:db8::1]:80");
  const auto name = numeric_address(Address::parse("localhost:80").value());
  CHECK(name.error().kind() == ErrorClass::kInvalidArgument);
  CHECK(numeric_address(Address::parse("unix:///tmp/a").value()).value().path() == "/tmp/a");
}

TEST_CASE("address: a name resolves to numbers, an unknown one is unreachable", "[stream]") {
  const auto found = resolve_address(Address::parse("localhost:80").value());
  REQUIRE(found);
  REQUIRE_FALSE(found->empty());
  CHECK(found->front().is_loopback());
  CHECK(found->front().port() == 80);
  const auto unknown = resolve_address(Address::parse("no-such-host.invalid:80").value());
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().kind() == ErrorClass::kPeerUnreachable);
  CHECK(unknown.error().native_code() != 0);
}

TEST_CASE("address: loopback is told from the rest", "[stream]") {
  for (const char* text : {"127.0.0.1:1", "127.255.0.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "unix:///tmp/a"})
    CHECK(is_loopback(Address::parse(text).value()));
  for (const char* text : {"0.0.0.0:1", "[::]:1", "126.0.0.1:1", "128.0.0.1:1", "[::ffff:10.0.0.1]:1", "localhost:1"})
    CHECK_FALSE(is_loopback(Address::parse(text).value()));
}

TEST_CASE("address: sources are one IPv4 address, one /64, or this host's Unix sockets", "[stream]") {
  const auto source = [](const char* text) { return numeric_address(Address::parse(text).value()).value().source(); };
  CHECK(source("10.0.0.1:1") == source("10.0.0.1:2"));
  CHECK(source("10.0.0.1:1") != source("10.0.0.2:1"));
  CHECK(source("[::ffff:10.0.0.1]:1") == source("10.0.0.1:1"));
  CHECK(source("[2001:db8::1]:1") == source("[2001:db8::ffff:2]:1"));
  CHECK(source("[2001:db8::1]:1") != source("[2001:db8:0:1::1]:1"));
  CHECK(source("unix:///tmp/a") == "unix");
  CHECK(SocketAddress{}.to_string() == "unknown");
}
