#include <cstddef>
#include <string>
#include <vector>

#include "rings.hpp"

using namespace weft::test;

namespace {

enum class Takes { kNumber, kText, kTexts };

struct Option {
  std::string key;
  Takes takes;
};

const std::vector<Option> kOfInstances{{"identity", Takes::kText}, {"trust", Takes::kTexts}};
const std::vector<Option> kOfInitiators{{"cqDepth", Takes::kNumber},
                                        {"accessKeyFile", Takes::kText},
                                        {"slices", Takes::kNumber},
                                        {"syncBatch", Takes::kNumber}};
const std::vector<Option> kOfTargets{{"cqDepth", Takes::kNumber},   {"accessKeyFile", Takes::kText},
                                     {"slices", Takes::kNumber},    {"syncBatch", Takes::kNumber},
                                     {"identity", Takes::kText},    {"ring", Takes::kText},
                                     {"initiators", Takes::kNumber}};

/// Values that no option of that kind has.
std::vector<std::string> wrong_values(Takes takes) {
  std::vector<std::string> values{"null", "true", "false", "{}",   R"({"a": 1})",         "[null]", "[1]", "[[]]",
                                  "-1",   "0.5",  "-0.0",  "1e30", "99999999999999999999"};
  if (takes != Takes::kNumber) values.insert(values.end(), {"0", "1", "64", "1.0"});
  if (takes != Takes::kText) values.insert(values.end(), {"\"\"", "\"1\"", "\"x\""});
  if (takes != Takes::kTexts) values.insert(values.end(), {"[]", "[\"x\"]"});
  if (takes == Takes::kText) values.insert(values.end(), {"\"\"", "\"a\\u0000b\""});
  return values;
}

/// Texts that are no options, whatever the function.
std::vector<std::string> no_options() {
  return {"{",
          "}",
          "nonsense",
          "7",
          "null",
          "true",
          "\"text\"",
          "[]",
          R"([{"cqDepth": 64}])",
          "{}{}",
          "{} x",
          "{'cqDepth': 64}",
          "{cqDepth: 64}",
          R"({"": 1})",
          R"({"unknown": 1})",
          "{\"cqDepth\": 64,}",
          "{\"a\xff\": 1}",
          "{\"ring\": \"\xc3\"}",
          R"({"ring": "\ud800"})",
          "// none\n{}",
          std::string(100'000, '['),
          "{\"cqDepth\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}",
          "{\"ring\": \"" + std::string(2 << 20, 'r') + "\"}"};
}

/// Every text that has to be refused, of those options.
template <class Refuses>
void check_refused(const std::vector<Option>& options, const Refuses& refuses) {
  std::vector<std::string> texts = no_options();
  for (const Option& option : options)
    for (const std::string& value : wrong_values(option.takes))
      texts.push_back("{\"" + option.key + "\": " + value + "}");
  for (const std::string& text : texts) {
    CAPTURE(text.substr(0, 80));
    refuses(text.c_str());
    CHECK(last_error().find("[WEFT_ERR_INVALID_ARG]") != std::string::npos);
  }
}

}  // namespace

TEST_CASE("options: of an instance, each of every wrong kind is refused", "[O-53]") {
  TestDomain domain;
  check_refused(kOfInstances, [&](const char* text) {
    CHECK(weftCreateInstance(domain.path().c_str(), text) == nullptr);
    CHECK(weftLastStatus() == WEFT_ERR_INVALID_ARG);
  });
}

TEST_CASE("options: of targets and initiators, each of every wrong kind is refused, and the next set-up works",
          "[M-15][M-20][O-53]") {
  Fabrics fabrics;
  Ring ring(2);
  const weftFabricsTarget target = fabrics.blank_target();
  check_refused(kOfTargets, [&](const char* text) {
    const weftTargetConfig config = target_config(ring.regions, text);
    weftTargetInfo info = nullptr;
    CHECK(weftFabricsTargetSetup(target, &config, &info) == WEFT_ERR_INVALID_ARG);
    CHECK(info == nullptr);
  });
  fabrics.set_up(target, ring.regions, R"({"cqDepth": 64, "slices": 2, "ring": "r", "initiators": 2, "syncBatch": 8})");
  const weftFabricsInitiator initiator = fabrics.blank_initiator();
  check_refused(kOfInitiators, [&](const char* text) {
    const weftInitiatorConfig config = initiator_config(ring.regions, text);
    CHECK(weftFabricsInitiatorSetup(initiator, &config) == WEFT_ERR_INVALID_ARG);
  });
  const weftInitiatorConfig config = initiator_config(ring.regions, R"({"cqDepth": 64, "slices": 2})");
  CHECK(weftFabricsInitiatorSetup(initiator, &config) == WEFT_STATUS_OK);
}

TEST_CASE("options: a struct that ends within its first fields is refused, and its options are not passed over",
          "[M-20]") {
  Fabrics fabrics;
  Ring ring(2);
  const weftFabricsTarget target = fabrics.blank_target();
  weftTargetConfig config = target_config(ring.regions, "[]");
  weftTargetInfo info = nullptr;
  for (const std::size_t size : {std::size_t{1}, std::size_t{3}, offsetof(weftTargetConfig, options) - 1}) {
    config.structSize = size;
    CHECK(weftFabricsTargetSetup(target, &config, &info) == WEFT_ERR_INVALID_ARG);
  }
  config.structSize = 0;  // the fields before the options alone
  CHECK(weftFabricsTargetSetup(target, &config, &info) == WEFT_STATUS_OK);
}

TEST_CASE("options: readers and writers of flows have none", "[O-53]") {
  TestDomain domain;
  domain.make_discrete("flow");
  check_refused({}, [&](const char* text) {
    weftFlowReader reader = nullptr;
    weftFlowWriter writer = nullptr;
    CHECK(weftCreateFlowWriter(domain.instance(), "flow", text, &writer) == WEFT_ERR_INVALID_ARG);
    CHECK(weftCreateFlowReader(domain.instance(), "flow", text, &reader) == WEFT_ERR_INVALID_ARG);
    CHECK(reader == nullptr);
    CHECK(writer == nullptr);
  });
  CHECK(domain.writer("flow") != nullptr);
}
