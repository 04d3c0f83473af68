#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <weft/nodes/grains.hpp>

#include <tests/nodes/target_infos.hpp>

#include "rings.hpp"

using namespace weft::test;

namespace {

/// By the two-call pattern; empty when that went wrong.
std::string text_of(weftTargetInfo info) {
  std::size_t size = 0;
  if (weftFabricsTargetInfoToString(info, nullptr, &size) != WEFT_STATUS_OK) return {};
  std::string text(size, '?');
  if (weftFabricsTargetInfoToString(info, text.data(), &size) != WEFT_STATUS_OK) return {};
  text.pop_back();
  return text;
}

/// Gives an info whose text gives the same info, or INVALID_ARG and no handle.
bool is_sound(const std::string& text, std::size_t& read) {
  weftTargetInfo info = nullptr;
  const weftStatus status = weftFabricsTargetInfoFromString(text.c_str(), &info);
  if (status != WEFT_STATUS_OK) return status == WEFT_ERR_INVALID_ARG && info == nullptr;
  ++read;
  const std::string spelt = text_of(info);
  weftTargetInfo again = nullptr;
  const bool same = weftFabricsTargetInfoFromString(spelt.c_str(), &again) == WEFT_STATUS_OK && text_of(again) == spelt;
  return weftFabricsFreeTargetInfo(info) == WEFT_STATUS_OK && weftFabricsFreeTargetInfo(again) == WEFT_STATUS_OK &&
         same;
}

weftTargetInfo info_of(const std::string& text) {
  weftTargetInfo info = nullptr;
  const weftStatus status = weftFabricsTargetInfoFromString(text.c_str(), &info);
  INFO(last_error());
  REQUIRE(status == WEFT_STATUS_OK);
  return info;
}

/// What a shell makes of a line of its own.
std::string printed_by_shell(const std::string& line) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(line.c_str(), "r"), ::pclose);
  REQUIRE(pipe != nullptr);
  std::string all;
  for (int c = 0; (c = std::fgetc(pipe.get())) != EOF;) all += static_cast<char>(c);
  return all;
}

/// Whether YAML 1.2 reads a line of a mapping, `key: text`, as that very text and no number, flow or comment.
bool is_plain_yaml(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return letter(text.front()) && text.find_first_of(" \t\n:#,[]{}&*!|>'\"%@`\\") == text.npos && text != "null" &&
         text != "true" && text != "false";
}

}  // namespace

TEST_CASE("target info: it goes to text and back, and nonsense is refused", "[M-28][M-29][M-30][X-5][M-21]") {
  Fabrics fabrics;
  Ring in(2), out(2);
  const weftTargetInfo info = fabrics.set_up(fabrics.blank_target(), in.regions);
  const std::string text = text_of(info);
  std::string buffer(text.size() + 1, '?');
  std::size_t less = text.size();
  REQUIRE(weftFabricsTargetInfoToString(info, buffer.data(), &less) == WEFT_ERR_STRLEN);
  REQUIRE(less == text.size() + 1);
  REQUIRE(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") == text.npos);
  weftTargetInfo again = nullptr;
  REQUIRE(weftFabricsTargetInfoFromString(text.c_str(), &again) == WEFT_STATUS_OK);
  REQUIRE(text_of(again) == text);
  const weftFabricsInitiator initiator = fabrics.initiator(out.regions);
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, again) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, info) == WEFT_ERR_EXISTS);
  REQUIRE(weftFabricsFreeTargetInfo(again) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsFreeTargetInfo(again) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, again) == WEFT_ERR_INVALID_ARG);
  for (const char* wrong : {"", "A", "!!!!", "AAAA====", "{}", "{\"regions\": []}", "AAAA"})
    REQUIRE(weftFabricsTargetInfoFromString(wrong, &again) == WEFT_ERR_INVALID_ARG);
}

TEST_CASE("target info: as JSON it is the same info, and grains go by it", "[M-28][M-29][X-5]") {
  Fabrics fabrics;
  Ring in(2), out(2);
  const weftFabricsTarget target = fabrics.blank_target();
  const std::string text = text_of(fabrics.set_up(target, in.regions, R"({"ring": "größe \"7\""})"));
  const auto bytes = weft::from_base64(text);
  REQUIRE(bytes);
  const auto json = nlohmann::json::parse(*bytes);
  CHECK(json.at("ring") == "größe \"7\"");
  const weftFabricsInitiator initiator = fabrics.initiator(out.regions);
  for (const int indent : {-1, 0, 2}) {
    const weftTargetInfo info = info_of("\n" + json.dump(indent) + "\n");
    CHECK(text_of(info) == text);
    CHECK(weftFabricsInitiatorAddTarget(initiator, info) == (indent == -1 ? WEFT_STATUS_OK : WEFT_ERR_EXISTS));
    CHECK(weftFabricsFreeTargetInfo(info) == WEFT_STATUS_OK);
  }
  connect(initiator);
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 1) == WEFT_STATUS_OK);
  CHECK(result_of(initiator).status == WEFT_STATUS_OK);
  // JSON without line breaks also goes where base64 is expected to go, within quotes.
  const weftTargetInfo ascii = info_of(json.dump(-1, ' ', true));
  CHECK(text_of(ascii) == text);
  CHECK(weftFabricsFreeTargetInfo(ascii) == WEFT_STATUS_OK);
}

TEST_CASE("target info: its text survives JSON, YAML, shells and the environment, without quotes", "[M-45]") {
  Fabrics fabrics;
  Ring in(2);
  std::vector<std::string> texts{text_of(fabrics.set_up(fabrics.blank_target(), in.regions))};
  for (const std::string_view golden : kGoldenInfos) texts.push_back(in_base64(golden));
  for (const std::string& text : texts) {
    CAPTURE(text);
    CHECK(nlohmann::json(text).dump() == "\"" + text + "\"");
    CHECK(nlohmann::json::parse(nlohmann::json{{"info", text}}.dump()).at("info") == text);
    CHECK(is_plain_yaml(text));
    CHECK(printed_by_shell("printf %s " + text) == text);
    CHECK(printed_by_shell("printf %s \"" + text + "\"") == text);
    CHECK(printed_by_shell("printf %s '" + text + "'") == text);
    CHECK(printed_by_shell("INFO=" + text + "; printf %s $INFO") == text);
    CHECK(printed_by_shell("INFO=" + text + " sh -c 'printf %s $INFO'") == text);
    const weftTargetInfo info = info_of(printed_by_shell("echo " + text));
    CHECK(text_of(info) == text);
    CHECK(weftFabricsFreeTargetInfo(info) == WEFT_STATUS_OK);
  }
}

TEST_CASE("target info: every truncation and every flipped bit gives an info or INVALID_ARG", "[M-29]") {
  std::size_t cuts = 0, flips = 0;
  for_each_cut([&](const std::string& text) {
    if (!is_sound(text, cuts)) FAIL_CHECK(weft::escaped(text));
  });
  CHECK(cuts == 0);
  for_each_flip([&](const std::string& text) {
    if (!is_sound(text, flips)) FAIL_CHECK(weft::escaped(text));
  });
  CHECK(flips > 0);
}

TEST_CASE("target info: a million mutations give an info or INVALID_ARG, with what is wrong", "[M-29][O-53]") {
  InfoMutator mutator(31);
  std::size_t read = 0;
  for (int i = 0; i < kInfoMutations; ++i)
    if (const std::string& text = mutator.next(); !is_sound(text, read)) FAIL_CHECK(i << ": " << weft::escaped(text));
  CHECK(read > 0);
  weftTargetInfo info = nullptr;
  REQUIRE(weftFabricsTargetInfoFromString("{}", &info) == WEFT_ERR_INVALID_ARG);
  CHECK(last_error().find("this is no target info [WEFT_ERR_INVALID_ARG]\nhint: ") != std::string::npos);
}

TEST_CASE("target info: a ring is added once, whatever name its info gives it, and goes by any of them",
          "[M-21][M-22]") {
  using nlohmann::json;
  Fabrics fabrics;
  Ring in(2), out(2);
  const weftTargetInfo info = fabrics.set_up(fabrics.blank_target(), in.regions);
  const weftFabricsInitiator initiator = fabrics.initiator(out.regions);
  const auto parsed = weft::TargetInfo::parse(text_of(info));
  REQUIRE(parsed.has_value());
  json renamed = json::parse(parsed->to_json());
  REQUIRE(renamed.at("ring") == "grains");
  renamed["ring"] = "another";
  const weftTargetInfo other = info_of(renamed.dump());
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, info) == WEFT_STATUS_OK);
  CHECK(weftFabricsInitiatorAddTarget(initiator, other) == WEFT_ERR_EXISTS);
  connect(initiator);
  CHECK(weftFabricsInitiatorTransferGrainToTarget(initiator, other, 0) == WEFT_STATUS_OK);
  CHECK(result_of(initiator).status == WEFT_STATUS_OK);
  CHECK(weftFabricsInitiatorRemoveTarget(initiator, other) == WEFT_STATUS_OK);
  CHECK(weftFabricsInitiatorRemoveTarget(initiator, info) == WEFT_ERR_NOT_FOUND);
  CHECK(weftFabricsInitiatorMakeProgressNonBlocking(initiator) == WEFT_STATUS_OK);
  CHECK(weftFabricsFreeTargetInfo(other) == WEFT_STATUS_OK);
}
