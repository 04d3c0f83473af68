#include <catch2/catch_test_macros.hpp>
#include <string>

#include <tests/engine/tensor/scratch.hpp>
#include <weft/tensor/safetensors_index.hpp>

using namespace weft;

namespace {

Result<SafetensorsIndex> parse(const std::string& json) {
  return SafetensorsIndex::parse(std::as_bytes(std::span{json}));
}

const std::string kGood =
    R"({"metadata":{"total_size":28,"nested":{"weight_map":{"x":[1]}}},"weight_map":{)"
    R"("a":"model-00001.safetensors","b":"model-00002.safetensors","c":"model-00001.safetensors"},"other":[{}]})";

}  // namespace

TEST_CASE("safetensors index: every tensor is told its file", "[tensor]") {
  const auto index = parse(kGood);
  REQUIRE(index);
  REQUIRE(index->files().size() == 2);
  REQUIRE(index->weights().size() == 3);
  CHECK(index->files()[0] == "model-00001.safetensors");
  CHECK(index->weights()[1].name == "b");
  CHECK(index->weights()[1].file == 1);
  CHECK(index->weights()[2].file == 0);
}

TEST_CASE("safetensors index: what is none, or points elsewhere, is refused", "[tensor][T13]") {
  for (const std::string& json : {std::string{},
                                  std::string{"[]"},
                                  std::string{"1"},
                                  std::string{"\"x\""},
                                  std::string{"{}"},
                                  std::string{R"({"weight_map":[]})"},
                                  std::string{R"({"weight_map":"x"})"},
                                  std::string{R"({"weight_map":7})"},
                                  std::string{R"({"weight_map":{"a":1}})"},
                                  std::string{R"({"weight_map":{"a":{}}})"},
                                  std::string{R"({"weight_map":{"a":["x"]}})"},
                                  std::string{R"({"weight_map":{"a":""}})"},
                                  std::string{R"({"weight_map":{"a":".."}})"},
                                  std::string{R"({"weight_map":{"a":"../x"}})"},
                                  std::string{R"({"weight_map":{"a":"/etc/x"}})"},
                                  std::string{R"({"weight_map":{"a":"d\\x"}})"},
                                  std::string{R"({"weight_map":{"a":"x\u0000"}})"},
                                  std::string{R"({"weight_map":{"a":"x","a":"y"}})"},
                                  std::string{R"({"weight_map":{},"weight_map":{}})"},
                                  kGood + "x"}) {
    INFO(json);
    const auto index = parse(json);
    REQUIRE_FALSE(index);
    CHECK(index.error().kind() == ErrorClass::kMalformed);
  }
  for (std::size_t length = 0; length < kGood.size(); ++length) CHECK_FALSE(parse(kGood.substr(0, length)));
}

TEST_CASE("safetensors index: it is read from its file, and a bad one names it", "[tensor]") {
  const ScratchFolder folder;
  CHECK(SafetensorsIndex::open(folder.write("good.json", std::as_bytes(std::span{kGood}))).value().weights().size() ==
        3);
  const auto bad = SafetensorsIndex::open(folder.write("bad.json", {}));
  REQUIRE_FALSE(bad);
  CHECK(bad.error().message().find("bad.json") != std::string::npos);
  CHECK(SafetensorsIndex::open(folder.path() / "nope").error().kind() == ErrorClass::kNotFound);
}
