#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

#include <weft/nodes/grains.hpp>

#include <tests/nodes/target_infos.hpp>

using namespace weft;
using namespace weft::test;

namespace {

struct Counts {
  std::size_t read = 0, refused = 0;
};

/// Reads to an info that has a text of its own, or is refused as the argument it is.
bool is_sound(const std::string& text, Counts& counts) {
  const auto info = TargetInfo::parse(text);
  if (!info) {
    ++counts.refused;
    return info.error().kind() == ErrorClass::kInvalidArgument && !info.error().message().empty() &&
           !info.error().hint().empty();
  }
  ++counts.read;
  const auto again = TargetInfo::parse(info->to_string());
  const auto json = TargetInfo::parse(info->to_json());
  return again && *again == *info && json && *json == *info && info->grains != 0 && info->grain_bytes != 0 &&
         info->slices != 0 && info->grain_bytes % info->slices == 0;
}

/// `json`, with the value of a key replaced.
std::string with(std::string_view json, const std::string& key, const std::string& value) {
  const std::size_t colon = json.find("\"" + key + "\":") + key.size() + 3;
  const std::size_t end =
      json.find_first_of(json[colon] == '"' ? "\"" : ",}", colon + 1) + (json[colon] == '"' ? 1 : 0);
  return std::string(json.substr(0, colon)) + value + std::string(json.substr(end));
}

ErrorClass refused(const std::string& text) {
  CAPTURE(text);
  const auto info = TargetInfo::parse(text);
  REQUIRE_FALSE(info);
  return info.error().kind();
}

}  // namespace

TEST_CASE("target info: the text of version 1 is fixed for ever", "[grains][M-28][M-29][X-5]") {
  for (const std::string_view json : kGoldenInfos) {
    const auto info = TargetInfo::parse(json);
    REQUIRE(info);
    CHECK(info->to_json() == json);
    CHECK(info->to_string() == in_base64(json));
    CHECK(*TargetInfo::parse(in_base64(json)) == *info);
    CHECK(*TargetInfo::parse(" \t" + in_base64(json) + "\r\n") == *info);
    CHECK(*TargetInfo::parse("\n " + std::string(json) + " ") == *info);
  }
  const TargetInfo info = *TargetInfo::parse(kGoldenInfos[1]);
  CHECK(info.ring == "kamera größe 7");
  CHECK(info.ticket.addresses.size() == 3);
  CHECK(info.token.back() == std::byte{0xff});
  CHECK(info.grains == 1 << 20);
  CHECK(info.grain_bytes == 1 << 20);
  CHECK(info.slices == 1 << 20);
}

TEST_CASE("target info: shapes, versions and values that cannot be are refused, without the token in the error",
          "[grains][M-29][O-W7]") {
  for (const char* text : {"", " ", "!", "A", "AAAA", "====", "AAAA====", "e30=", "{}", "[]", "null", "7", "\"\"",
                           "{\"regions\": []}", "{\"kind\":\"weft-target\"}"})
    CHECK(refused(text) == ErrorClass::kInvalidArgument);
  const std::string golden(kGoldenInfos[0]);
  const std::vector<std::string> not_numbers{"0",    "-1",   "1.5", "1.0", "1e3", "1e999", "18446744073709551616",
                                             "null", "true", "[]",  "[1]", "{}",  "\"1\""};
  for (const char* key : {"version", "grains", "grainBytes", "slices"})
    for (const std::string& value : not_numbers)
      CHECK(refused(with(golden, key, value)) == ErrorClass::kInvalidArgument);
  for (const char* key : {"kind", "ticket", "ring", "token"})
    for (const char* value : {"0", "null", "true", "[]", "{}", "\"\"", "\"\\u0000\"", "\"\\ud800\"", "\"\xff\""})
      CHECK(refused(with(golden, key, value)) == ErrorClass::kInvalidArgument);
  CHECK(refused(with(golden, "version", "2")) == ErrorClass::kInvalidArgument);
  CHECK(refused(with(golden, "grains", "1048577")) == ErrorClass::kInvalidArgument);
  CHECK(refused(with(golden, "slices", "3")) == ErrorClass::kInvalidArgument);
  CHECK(refused(with(golden, "slices", "4294967297")) == ErrorClass::kInvalidArgument);
  CHECK(refused(with(golden, "grainBytes", "18446744073709551615")) == ErrorClass::kInvalidArgument);
  CHECK(refused(with(golden, "ring", "\"" + std::string(256, 'r') + "\"")) == ErrorClass::kInvalidArgument);
  CHECK(TargetInfo::parse(with(golden, "ring", "\"" + std::string(255, 'r') + "\"")).has_value());
  CHECK(refused(with(golden, "token", "\"AAECAwQFBgcICQoLDA0ODxA=\"")) == ErrorClass::kInvalidArgument);
  CHECK(refused(golden + golden) == ErrorClass::kInvalidArgument);
  CHECK(refused(std::string(17 * 1024, '[')) == ErrorClass::kInvalidArgument);
  CHECK(refused("{\"kind\":" + std::string(16 * 1000, '[')) == ErrorClass::kInvalidArgument);
  CHECK(refused("{\"kind\":" + std::string(8000, '[') + std::string(8000, ']') + "}") == ErrorClass::kInvalidArgument);

  const std::string token = "AAECAwQFBgcICQoLDA0ODw==";
  for (const std::string& text : {with(golden, "token", "\"" + token + "A\""), with(golden, "slices", "3"),
                                  with(golden, "ticket", "\"weftaeaq\"")}) {
    const auto info = TargetInfo::parse(text);
    REQUIRE_FALSE(info);
    CHECK(info.error().to_string().find(token.substr(0, 22)) == std::string::npos);
  }
}

TEST_CASE("target info: of a key that comes twice the last counts", "[grains][M-29]") {
  const std::string golden(kGoldenInfos[0]);
  const std::string twice = golden.substr(0, golden.size() - 1) + R"(,"grains":9})";
  CHECK(TargetInfo::parse(twice)->grains == 9);
  CHECK(refused(golden.substr(0, golden.size() - 1) + R"(,"grains":0})") == ErrorClass::kInvalidArgument);
}

TEST_CASE("target info: every truncation and every flipped bit is read as what it says, or refused",
          "[grains][M-29][O-W7]") {
  Counts cuts, flips;
  for_each_cut([&](const std::string& text) {
    if (!is_sound(text, cuts)) FAIL_CHECK(escaped(text));
  });
  CHECK(cuts.read == 0);
  for_each_flip([&](const std::string& text) {
    if (!is_sound(text, flips)) FAIL_CHECK(escaped(text));
  });
  // A letter of the ring's name, a bit of the token, the case of the ticket: what has no checksum reads as another.
  CHECK(flips.read > 0);
  CHECK(flips.refused > flips.read);
}

TEST_CASE("target info: a million mutations are read as what they say, or refused", "[grains][M-29][O-W7]") {
  InfoMutator mutator(29);
  Counts counts;
  for (int i = 0; i < kInfoMutations; ++i)
    if (const std::string& text = mutator.next(); !is_sound(text, counts)) FAIL_CHECK(i << ": " << escaped(text));
  // Neither only nonsense nor only harmless changes.
  CHECK(counts.read > kInfoMutations / 100);
  CHECK(counts.refused > kInfoMutations / 2);
}
