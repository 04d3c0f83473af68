#include <catch2/catch_test_macros.hpp>
#include <string>

#include <weft/base/limits.hpp>
#include <weft/tensor/tensor_meta.hpp>

using namespace weft;

namespace {
constexpr std::int64_t kHuge = std::int64_t{1} << 62;
}

TEST_CASE("tensor meta: attributes are few, short and of clean UTF-8", "[tensor]") {
  const auto valid = [](Attributes attributes) {
    const auto checked = TensorMeta{.shape = {2}, .attributes = std::move(attributes)}.validate();
    if (!checked) CHECK(checked.error().kind() == ErrorClass::kInvalidArgument);
    return checked.has_value();
  };
  CHECK(valid({{"units", "µV"}, {"empty", ""}}));
  CHECK(valid({{std::string(kMaxAttributeKeyBytes, 'k'), ""}}));
  CHECK_FALSE(valid({{std::string(kMaxAttributeKeyBytes + 1, 'k'), ""}}));
  CHECK_FALSE(valid({{"", "v"}}));
  CHECK(valid({{"k", std::string(kMaxAttributesBytes - 1, 'v')}}));
  CHECK_FALSE(valid({{"k", std::string(kMaxAttributesBytes, 'v')}}));
  CHECK_FALSE(valid({{"\xff", ""}}));
  CHECK_FALSE(valid({{"k", std::string(1, '\0')}}));
  Attributes many;
  while (many.size() < kMaxAttributes) many.emplace(std::to_string(many.size()), "");
  CHECK(valid(many));
  many.emplace("one more", "");
  CHECK_FALSE(valid(many));
}

TEST_CASE("tensor meta: bytes are shape times dtype, 4-bit elements rounded up once", "[tensor][T4]") {
  CHECK(TensorMeta{.dtype = DType::kF32, .shape = {2, 3}}.byte_size().value() == 24);
  CHECK(TensorMeta{.dtype = DType::kF32}.byte_size().value() == 4);
  CHECK(TensorMeta{.dtype = DType::kI4, .shape = {3, 3}}.byte_size().value() == 5);
  CHECK(TensorMeta{.dtype = DType::kF4E2M1, .shape = {1}}.byte_size().value() == 1);
  CHECK(TensorMeta{.dtype = DType::kC128, .shape = {2, 0}}.byte_size().value() == 0);
  CHECK(TensorMeta{.dtype = DType::kOpaque, .shape = {17}}.byte_size().value() == 17);
}

TEST_CASE("tensor meta: a product that overflows or is over the limit is refused", "[tensor][T4]") {
  CHECK_FALSE(TensorMeta{.dtype = DType::kF64, .shape = {kHuge}}.byte_size());
  CHECK_FALSE(TensorMeta{.dtype = DType::kI4, .shape = {kHuge}}.byte_size());
  CHECK_FALSE(TensorMeta{.dtype = DType::kU8, .shape = {kHuge, 4}}.byte_size());
  const auto limit = static_cast<std::int64_t>(kMaxTensorBytes);
  CHECK(TensorMeta{.dtype = DType::kU8, .shape = {limit}}.byte_size().value() == kMaxTensorBytes);
  CHECK_FALSE(TensorMeta{.dtype = DType::kU8, .shape = {limit + 1}}.byte_size());
  CHECK(TensorMeta{.dtype = DType::kU4, .shape = {2 * limit}}.byte_size().value() == kMaxTensorBytes);
  CHECK_FALSE(TensorMeta{.dtype = DType::kU4, .shape = {2 * limit + 1}}.byte_size());
  const TensorMeta opaque{.dtype = DType::kOpaque, .opaque_bytes = kMaxTensorBytes + 1};
  CHECK_FALSE(opaque.byte_size());
}

TEST_CASE("tensor meta: the extent is what the strides reach", "[tensor][T4]") {
  const auto extent = [](Shape shape, Strides strides) {
    return TensorMeta{.dtype = DType::kF32, .shape = std::move(shape), .strides = std::move(strides)}.extent_bytes();
  };
  CHECK(extent({2, 3}, {}).value() == 24);
  CHECK(extent({2, 3}, {3, 1}).value() == 24);
  CHECK(extent({2, 3}, {10, 1}).value() == 52);
  CHECK(extent({3, 2}, {1, 3}).value() == 24);
  CHECK(extent({5, 4}, {0, 1}).value() == 16);
  CHECK(extent({0, 4}, {100, 1}).value() == 0);
  CHECK(extent({1, 4}, {kHuge, 1}).value() == 16);
  CHECK_FALSE(extent({2, 4}, {kHuge, 1}));
  CHECK_FALSE(extent({kHuge, 1}, {kHuge, 1}));
  CHECK_FALSE(extent({2, 3}, {1}));
  CHECK(extent({2, 3}, {-3, 1}).error().kind() == ErrorClass::kUnsupported);
  CHECK_FALSE(extent({2, 3}, {-3, 1}).error().hint().empty());
}

TEST_CASE("tensor meta: what makes no sense does not validate", "[tensor][T4][T13]") {
  CHECK(TensorMeta{.dtype = DType::kF32, .shape = {2}}.validate());
  CHECK_FALSE(TensorMeta{.dtype = static_cast<DType>(kDTypes), .shape = {2}}.validate());
  CHECK_FALSE(TensorMeta{.dtype = DType::kF32, .shape = {-2}}.validate());
  CHECK_FALSE(TensorMeta{.dtype = DType::kF32, .shape = {2}, .opaque_type = "x"}.validate());
  CHECK_FALSE(TensorMeta{.dtype = DType::kF32, .shape = {2}, .opaque_bytes = 8}.validate());
  const auto opaque = [](std::string type) {
    return TensorMeta{.dtype = DType::kOpaque, .shape = {2}, .opaque_type = std::move(type)}.validate();
  };
  CHECK(opaque("request_marker"));
  CHECK(opaque(std::string(kMaxOpaqueTypeBytes, 'x')));
  CHECK_FALSE(opaque(std::string(kMaxOpaqueTypeBytes + 1, 'x')));
  CHECK_FALSE(opaque(std::string("a\0b", 3)));
  CHECK_FALSE(opaque("\xff"));
}

TEST_CASE("tensor meta: opaque bytes may be any number, whatever the shape says", "[tensor][T-04][X-1]") {
  const TensorMeta meta{.dtype = DType::kOpaque, .shape = {2, 3}, .opaque_type = "float32", .opaque_bytes = 17};
  CHECK(meta.validate());
  CHECK(meta.byte_size().value() == 17);
  TensorMeta strided = meta;
  strided.strides = {3, 1};
  CHECK_FALSE(strided.validate());
}

TEST_CASE("tensor meta: row-major strides", "[tensor]") {
  CHECK(row_major({2, 3, 4}) == Strides{12, 4, 1});
  CHECK(row_major({}) == Strides{});
  CHECK(row_major({2, 0, 4}) == Strides{4, 4, 1});
}
