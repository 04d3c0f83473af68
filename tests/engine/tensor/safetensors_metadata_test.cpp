#include <catch2/catch_test_macros.hpp>

#include <fmt/format.h>

#include <weft/base/limits.hpp>
#include <weft/tensor/safetensors_metadata.hpp>

namespace weft {
namespace {

TEST_CASE("safetensors metadata: becomes attributes of every tensor, whole where it fits", "[safetensors][T-04]") {
  CHECK(attributes_of({}).empty());
  CHECK(attributes_of({{"format", "pt"}, {"author", "nobody"}}) == Attributes{{"author", "nobody"}, {"format", "pt"}});
}

TEST_CASE("safetensors metadata: where it does not fit the format travels, and what else finds room",
          "[safetensors][T-04]") {
  SafetensorsMetadata many{{"format", "pt"}, {"", "no key"}, {"nul", std::string("a\0b", 3)}};
  for (int i = 0; i < 100; ++i) many.emplace(fmt::format("a{:03}", i), "x");
  many.emplace("a050x", std::string(kMaxAttributesBytes, 'y'));
  const auto attributes = attributes_of(many);
  CHECK(attributes.size() == kMaxAttributes);
  CHECK(attributes.contains("format"));
  CHECK(attributes.contains("a030"));
  CHECK_FALSE(attributes.contains("a031"));

  const auto roomy = attributes_of({{"a", std::string(kMaxAttributesBytes, 'y')}, {"b", "1"}, {"format", "pt"}});
  CHECK(roomy == Attributes{{"b", "1"}, {"format", "pt"}});
  for (const auto& one : {attributes, roomy}) {
    const TensorMeta meta{.dtype = DType::kU8, .shape = {1}, .attributes = one};
    CHECK(meta.validate());
  }
}

TEST_CASE("safetensors metadata: of a file it is what all of its tensors have", "[safetensors][T-04]") {
  const TensorMeta a{.attributes = {{"format", "pt"}, {"step", "1"}, {"mine", "a"}}};
  const TensorMeta b{.attributes = {{"format", "pt"}, {"step", "2"}}};
  const TensorMeta c{};
  const TensorMeta* const both[] = {&a, &b};
  const TensorMeta* const all[] = {&a, &b, &c};
  CHECK(common_metadata({}).empty());
  CHECK(common_metadata({both, 1}) == SafetensorsMetadata{{"format", "pt"}, {"mine", "a"}, {"step", "1"}});
  CHECK(common_metadata(both) == SafetensorsMetadata{{"format", "pt"}});
  CHECK(common_metadata(all).empty());
}

}  // namespace
}  // namespace weft
