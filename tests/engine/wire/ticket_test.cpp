#include <weft/wire/ticket.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cctype>
#include <random>
#include <string>
#include <vector>

#include <weft/base/limits.hpp>
#include <weft/base/text.hpp>

namespace weft::test {
namespace {

NodeId node() {
  NodeId id;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<std::byte>(7 * i + 1);
  return id;
}

struct Golden {
  Ticket ticket;
  std::string_view text;
};
std::vector<Golden> golden() {
  return {{{.node = node()}, "weftaeaqqdywduscwmrzibdu4vk4mnvhc6d7q2gzjg5cvgylppwfztj5uagxrtvga"},
          {{.node = node(), .addresses = {"tcp://127.0.0.1:41873"}},
           "weftaeaqqdywduscwmrzibdu4vk4mnvhc6d7q2gzjg5cvgylppwfztj5uaabp4aaaamrunz5m4pw"},
          {{.node = node(),
            .addresses = {"tcp://10.1.2.3:41873", "tcp://[fe80::1:2:3]:41873", "tcp://gpu-07.cluster.example:41873"},
            .not_after = 1893456000},
           "weftaeaqqdywduscwmrzibdu4vk4mnvhc6d7q2gzjg5cvgylppwfztj5uama3dnxaaaaaaaaccqbaibzdiyc72aaaaaaaaaaaaaa"
           "aaaqaaqaaoi2gaywm5yhkljqg4xgg3dvon2gk4romv4gc3lqnrszdi32n4cq4"},
          {{.node = node(), .addresses = {"unix:/run/weft/a b.sock", "größe"}, .not_after = -1},
           "weftaeaqqdywduscwmrzibdu4vk4mnvhc6d7q2gzjg5cvgylppwfztj5uap777777777777qif3vnzuxqorpoj2w4l3xmvthil3b"
           "ebrc443pmnvqib3holb3nq47mxiwl5ao"}};
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

void check_malformed(std::string_view text) {
  const auto parsed = Ticket::parse(text);
  REQUIRE(!parsed.has_value());
  CHECK(parsed.error().kind() == ErrorClass::kMalformed);
  CHECK(parsed.error().hint() == "a ticket is one line that begins with weft…; was it cut?");
}

TEST_CASE("ticket: the text of version 1 is fixed for ever", "[wire][T-03]") {
  for (const Golden& one : golden()) {
    CHECK(one.ticket.to_string() == one.text);
    const auto parsed = Ticket::parse(one.text);
    if (!parsed) FAIL(parsed.error().to_string());
    CHECK(*parsed == one.ticket);
  }
}

TEST_CASE("ticket: letter case, white space around it and the word node do not matter", "[wire]") {
  for (const Golden& one : golden()) {
    const std::string text{one.text};
    for (const std::string& spelt :
         {upper(text), " \t" + text + "\r\n", "node" + text.substr(4), "NoDe" + upper(text.substr(4)), "\n" + text})
      CHECK(Ticket::parse(spelt) == one.ticket);
    check_malformed(text.substr(0, 20) + " " + text.substr(20));
    check_malformed(std::string(text).append(" ").append(text));
    check_malformed(text + text);
  }
}

TEST_CASE("ticket: every single-bit flip is refused or changes letter case only", "[wire][T1]") {
  for (const Golden& one : golden())
    for (const std::string& whole : {std::string{one.text}, upper(std::string{one.text})})
      for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        CAPTURE(whole, bit);
        std::string text = whole;
        text[bit / 8] = static_cast<char>(static_cast<unsigned char>(text[bit / 8]) ^ (1u << (bit % 8)));
        if (upper(text) == upper(whole)) {
          CHECK(Ticket::parse(text) == one.ticket);
        } else {
          check_malformed(text);
        }
      }
}

TEST_CASE("ticket: every substitution of one character is refused", "[wire][T1]") {
  for (const Golden& one : golden())
    for (std::size_t at = 0; at < one.text.size(); ++at)
      for (int c = 0; c < 256; ++c) {
        std::string text{one.text};
        if (std::toupper(static_cast<unsigned char>(text[at])) == std::toupper(c)) continue;
        text[at] = static_cast<char>(c);
        if (Ticket::parse(text).has_value()) {
          CAPTURE(text, at, c);
          FAIL("an altered ticket was taken");
        }
      }
}

TEST_CASE("ticket: every truncation and every missing or doubled character is refused", "[wire][T1]") {
  for (const Golden& one : golden()) {
    const std::string text{one.text};
    for (std::size_t size = 0; size < text.size(); ++size) {
      CAPTURE(text, size);
      check_malformed(text.substr(0, size));
      check_malformed(text.substr(size + 1));
      check_malformed(text.substr(0, size) + text.substr(size + 1));
      check_malformed(text.substr(0, size) + text[size] + text.substr(size));
    }
  }
}

TEST_CASE("ticket: two neighbours that changed places are found", "[wire][T1]") {
  for (const Golden& one : golden())
    for (std::size_t at = 0; at + 1 < one.text.size(); ++at) {
      std::string text{one.text};
      if (text[at] == text[at + 1]) continue;
      std::swap(text[at], text[at + 1]);
      check_malformed(text);
    }
}

TEST_CASE("ticket: three numeric addresses fit 200 characters", "[wire]") {
  const Ticket ticket{.node = node(),
                      .addresses = {"tcp://[2001:db8:1111:2222:3333:4444:5555:6666]:65535",
                                    "tcp://[fe80:1111:2222:3333:4444:5555:6666:7777]:65535",
                                    "tcp://[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535"},
                      .not_after = INT64_MAX};
  CHECK(ticket.to_string().size() <= 200);
  CHECK(Ticket::parse(ticket.to_string()) == ticket);
}

TEST_CASE("ticket: any address comes back as it was written", "[wire][T-W11]") {
  for (const char* address : {"tcp://127.0.0.1:41873",
                              "tcp://127.0.0.1:0",
                              "tcp://127.0.0.1:041873",
                              "tcp://127.0.0.1:65536",
                              "tcp://127.1:80",
                              "tcp://127.0.0.1",
                              "tcp://[::1]:1",
                              "tcp://[::1]",
                              "tcp://::1:80",
                              "tcp://[0:0::1]:80",
                              "tcp://[::FFFF]:80",
                              "tcp://[::ffff:1.2.3.4]:80",
                              "tcp://host:",
                              "tcp://:80",
                              "tcp://",
                              "tcp://a:b:80",
                              "x",
                              "unix:/run/weft.sock",
                              "tcp://[]:80",
                              "tcp://[1.2.3.4]:80",
                              "TCP://127.0.0.1:80",
                              "tcp://127.0.0.1:+80",
                              "tcp://127.0.0.1: 80"}) {
    CAPTURE(address);
    const Ticket ticket{.node = node(), .addresses = {address, address}};
    CHECK(Ticket::parse(ticket.to_string()) == ticket);
  }
}

TEST_CASE("ticket: addresses that break a bound are left out of the text", "[wire]") {
  Ticket ticket{.node = node(),
                .addresses = {"", std::string(128, 'a'), std::string(129, 'a'), "a\nb", "\xff", "good"}};
  const auto parsed = Ticket::parse(ticket.to_string());
  REQUIRE(parsed.has_value());
  CHECK(parsed->addresses == std::vector<std::string>{std::string(128, 'a'), "good"});

  ticket.addresses.assign(9, std::string(128, 'b'));
  const auto eight = Ticket::parse(ticket.to_string());
  REQUIRE(eight.has_value());
  CHECK(eight->addresses.size() == kMaxAddresses);
}

TEST_CASE("ticket: a random one comes back", "[wire]") {
  std::mt19937_64 engine{11};
  for (int i = 0; i < 2000; ++i) {
    Ticket ticket;
    for (std::byte& byte : ticket.node.bytes) byte = static_cast<std::byte>(engine());
    for (std::size_t n = engine() % 9; n > 0; --n) {
      std::string address = engine() % 2 == 0 ? "tcp://" : "";
      for (std::size_t size = 1 + engine() % 40; size > 0; --size) address += "0123456789.:[]abcf/-"[engine() % 20];
      ticket.addresses.push_back(address);
    }
    if (engine() % 2 == 0) ticket.not_after = static_cast<std::int64_t>(engine());
    CAPTURE(ticket.to_string());
    CHECK(Ticket::parse(ticket.to_string()) == ticket);
  }
}

TEST_CASE("ticket: what is no ticket says so", "[wire]") {
  for (std::string_view text : {"", " ", "weft", "node", "weft://prefill-0", "/etc/passwd", "werf", "wef", "weftaaaa"})
    check_malformed(text);
  check_malformed("weft" + std::string(1 << 20, 'a'));
  check_malformed(std::string_view{"weft\0", 5});
}

/// Base32 of bytes with a right checksum.
std::string sealed(std::vector<std::byte> bytes) {
  std::uint32_t crc = ~0u;
  for (std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
  }
  crc = ~crc;
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::byte>(crc >> (8 * i)));
  return "weft" + to_base32(bytes);
}

std::vector<std::byte> body(int version, int flags, const std::vector<int>& rest) {
  std::vector<std::byte> bytes(34);
  bytes[0] = static_cast<std::byte>(version);
  bytes[33] = static_cast<std::byte>(flags);
  for (int byte : rest) bytes.push_back(static_cast<std::byte>(byte));
  return bytes;
}

TEST_CASE("ticket: a right checksum does not excuse what it covers", "[wire][T1]") {
  CHECK(Ticket::parse(sealed(body(1, 0, {1, 127, 0, 0, 1, 5, 0}))).has_value());
  check_malformed(sealed(body(1, 2, {})));
  check_malformed(sealed(body(1, 1, {0, 0, 0})));
  check_malformed(sealed(body(1, 0, {0})));
  check_malformed(sealed(body(1, 0, {9, 1, 'a'})));
  check_malformed(sealed(body(1, 0, {1, 127, 0, 0, 1, 5})));
  check_malformed(sealed(body(1, 0, {4, 5, 'a'})));
  check_malformed(sealed(body(1, 0, {4, 0})));
  check_malformed(sealed(body(1, 0, {4, 1, '\n'})));
  check_malformed(sealed(body(1, 0, {3, 9, '1', '2', '7', '.', '0', '.', '0', '.', '1', 5, 0})));
  std::vector<int> nine;
  for (int i = 0; i < 9; ++i) nine.insert(nine.end(), {4, 1, 'a'});
  check_malformed(sealed(body(1, 0, nine)));
}

TEST_CASE("ticket: one of a later version is Unsupported, not Malformed", "[wire][T-30]") {
  const auto parsed = Ticket::parse(sealed(body(2, 7, {1, 2, 3})));
  REQUIRE(!parsed.has_value());
  CHECK(parsed.error().kind() == ErrorClass::kUnsupported);
  CHECK(!parsed.error().hint().empty());
}

TEST_CASE("ticket: it expires after its time, never without one", "[wire]") {
  const Ticket bounded{.not_after = 100}, forever{};
  CHECK_FALSE(bounded.expired(100));
  CHECK(bounded.expired(101));
  CHECK_FALSE(forever.expired(INT64_MAX));
}

}  // namespace
}  // namespace weft::test
