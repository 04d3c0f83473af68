#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <weft/base/text.hpp>

using namespace weft;
using namespace std::string_view_literals;

namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  std::vector<std::byte> bytes;
  for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
  return bytes;
}

// The test vectors of RFC 4648, section 10; base32 as we spell it.
struct Vector {
  std::string_view plain;
  std::string_view base64;
  std::string_view base32;
};
constexpr Vector kVectors[]{{"", "", ""},
                            {"f", "Zg==", "my"},
                            {"fo", "Zm8=", "mzxq"},
                            {"foo", "Zm9v", "mzxw6"},
                            {"foob", "Zm9vYg==", "mzxw6yq"},
                            {"fooba", "Zm9vYmE=", "mzxw6ytb"},
                            {"foobar", "Zm9vYmFy", "mzxw6ytboi"}};

}  // namespace

TEST_CASE("base64 and base32: the RFC's vectors, both ways", "[O-54]") {
  for (const auto& vector : kVectors) {
    const auto plain = bytes_of(vector.plain);
    CHECK(to_base64(plain) == vector.base64);
    CHECK(to_base32(plain) == vector.base32);
    CHECK(from_base64(vector.base64).value() == plain);
    CHECK(from_base32(vector.base32).value() == plain);
  }
  CHECK(from_base32("MZXW6ytboi").value() == bytes_of("foobar"));
}

TEST_CASE("base64 and base32: every byte value survives the way there and back") {
  std::vector<std::byte> all;
  for (int value = 0; value < 256; ++value) all.push_back(static_cast<std::byte>(255 - value));
  CHECK(from_base64(to_base64(all)).value() == all);
  CHECK(from_base32(to_base32(all)).value() == all);
}

TEST_CASE("base64: whatever is not canonical is malformed", "[O-54]") {
  for (const auto bad : {"Z"sv, "Zg"sv, "Zg="sv, "Zg==="sv, "===="sv, "Z==="sv, "Zh=="sv, "Zm9="sv, "Zg==Zg=="sv,
                         "Zm-v"sv, "Zm9v\n"sv, "Zm9 "sv, "=Zm9"sv, "Zm=v"sv, "Zm\0v"sv, "\xff\xff\xff\xff"sv}) {
    INFO(escaped(bad));
    const auto decoded = from_base64(bad);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().kind() == ErrorClass::kMalformed);
  }
}

TEST_CASE("base32: whatever is not canonical is malformed") {
  for (const auto bad : {"a"sv, "aaa"sv, "aaaaaa"sv, "m"sv, "mz"sv, "mzx"sv, "mzxw6y"sv, "my======"sv, "m1"sv, "m8"sv,
                         "my "sv, "mzxw6a a"sv}) {
    INFO(escaped(bad));
    const auto decoded = from_base32(bad);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().kind() == ErrorClass::kMalformed);
  }
}

TEST_CASE("hex: two lower-case digits a byte") {
  CHECK(to_hex({}) == "");
  CHECK(to_hex(bytes_of("\x00\x0f\xa5\xff"sv)) == "000fa5ff");
}

TEST_CASE("utf-8: well-formed text without NUL is clean, and nothing else") {
  for (const auto good : {""sv, "layers.0.weight"sv, "größe"sv, "重み"sv, "\xF0\x9F\xA7\xB5"sv, "\xED\x9F\xBF"sv,
                          "\xEE\x80\x80"sv, "\xF4\x8F\xBF\xBF"sv, "tab\tnewline\n"sv})
    CHECK(is_clean_utf8(good));
  for (const auto bad : {"\0"sv, "a\0b"sv, "\x80"sv, "\xC0\x80"sv, "\xC1\xBF"sv, "\xC3"sv, "\xE0\x80\x80"sv,
                         "\xE4\xBD"sv, "\xED\xA0\x80"sv, "\xF0\x80\x80\x80"sv, "\xF4\x90\x80\x80"sv,
                         "\xF5\x80\x80\x80"sv, "\xFF"sv, "\xF0\x9F\xA7"sv, "\xC3\x28"sv})
    CHECK_FALSE(is_clean_utf8(bad));
}

TEST_CASE("escaped: what could move a terminal's cursor or end a line is spelt out") {
  CHECK(escaped("größe 重み") == "größe 重み");
  CHECK(escaped("a\x1b[31mb\n") == "a\\x1b[31mb\\x0a");
  CHECK(escaped("a\0b\x7f"sv) == "a\\x00b\\x7f");
  CHECK(escaped("\xC2\x9B"
                "2J") == "\\xc2\\x9b2J");
  CHECK(escaped("\xFFok\xE4\xBD") == "\\xffok\\xe4\\xbd");
}

TEST_CASE("glob: stars and question marks match whole names") {
  for (const auto& [pattern, name] : {std::pair{""sv, ""sv},
                                      {"*"sv, ""sv},
                                      {"*"sv, "anything"sv},
                                      {"layers.*.weight"sv, "layers.12.weight"sv},
                                      {"a?c"sv, "abc"sv},
                                      {"**a**"sv, "a"sv},
                                      {"*a*b"sv, "xaxbab"sv},
                                      {"*ab"sv, "aab"sv},
                                      {"[x]"sv, "[x]"sv}})
    CHECK(glob_match(pattern, name));
  for (const auto& [pattern, name] : {std::pair{""sv, "a"sv},
                                      {"a"sv, ""sv},
                                      {"?"sv, ""sv},
                                      {"a*"sv, "ba"sv},
                                      {"*a"sv, "ab"sv},
                                      {"a?c"sv, "ac"sv},
                                      {"a*b*c"sv, "acb"sv},
                                      {"abc"sv, "abcd"sv},
                                      {"[x]"sv, "x"sv}})
    CHECK_FALSE(glob_match(pattern, name));
}

TEST_CASE("glob: a pattern made to backtrack ends all the same") {
  std::string pattern;
  for (int star = 0; star < 60; ++star) pattern += "*a";
  CHECK_FALSE(glob_match(pattern + "b", std::string(2000, 'a')));
  CHECK(glob_match(pattern, std::string(2000, 'a')));
}

TEST_CASE("nearest: a likely typo is found, a stranger is not") {
  const std::vector<std::string> verbs{"serve", "push", "pull", "pooler.dense.bias"};
  CHECK(nearest("srve", verbs) == "serve");
  CHECK(nearest("sevre", verbs) == "serve");
  CHECK(nearest("serv", verbs) == "serve");
  CHECK(nearest("pusj", verbs) == "push");
  CHECK(nearest("pooler.dense.bais", verbs) == "pooler.dense.bias");
  CHECK(nearest("embeddings", verbs).empty());
  CHECK(nearest("", verbs).empty());
  CHECK(nearest("serve", {}).empty());
}

TEST_CASE("human units: binary for sizes, decimal for rates, never a thousand of one unit") {
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(1023) == "1023 B");
  CHECK(human_bytes(1024) == "1.0 KiB");
  CHECK(human_bytes(90'911'539) == "86.7 MiB");
  CHECK(human_bytes(1024 * 1024 - 1) == "1.0 MiB");
  CHECK(human_bytes(~std::uint64_t{0}) == "16.0 EiB");
  CHECK(human_rate(0) == "0 B/s");
  CHECK(human_rate(999) == "999 B/s");
  CHECK(human_rate(4.6e9) == "4.6 GB/s");
  CHECK(human_rate(999'999) == "1.0 MB/s");
}
