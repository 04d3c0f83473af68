#include <catch2/catch_test_macros.hpp>
#include <set>
#include <string>

#include <weft/tensor/dtype.hpp>

using namespace weft;

TEST_CASE("dtype: every name leads back to its type, and to no other", "[tensor]") {
  std::set<std::string_view> torch, safetensors;
  for (std::uint8_t number = 0; number < kDTypes; ++number) {
    const auto dtype = static_cast<DType>(number);
    CHECK(parse_dtype(to_string(dtype)) == dtype);
    CHECK(torch.insert(to_string(dtype)).second);
    if (safetensors_name(dtype).empty()) continue;
    CHECK(parse_safetensors_dtype(safetensors_name(dtype)) == dtype);
    CHECK(safetensors.insert(safetensors_name(dtype)).second);
  }
  CHECK(safetensors.size() == kDTypes - 4);  // not int4, uint4, complex128, opaque
}

TEST_CASE("dtype: names and widths are those of torch, safetensors and DLPack", "[tensor][T-W9]") {
  CHECK(to_string(DType::kBF16) == "bfloat16");
  CHECK(safetensors_name(DType::kBF16) == "BF16");
  CHECK(to_string(DType::kF8E4M3) == "float8_e4m3fn");
  CHECK(safetensors_name(DType::kF4E2M1) == "F4");
  CHECK(safetensors_name(DType::kBool) == "BOOL");
  CHECK(bits(DType::kI4) == 4);
  CHECK(bits(DType::kU4) == 4);
  CHECK(bits(DType::kF4E2M1) == 4);
  CHECK(bits(DType::kBool) == 8);
  CHECK(bits(DType::kC128) == 128);
  CHECK(bits(DType::kOpaque) == 8);
  CHECK(dlpack_type(DType::kBF16)->code == 4);
  CHECK(dlpack_type(DType::kF32)->bits == 32);
  CHECK(dlpack_type(DType::kU8)->lanes == 1);
  CHECK_FALSE(dlpack_type(DType::kOpaque));
}

TEST_CASE("dtype: a name that is none and a number outside the enumeration harm nobody", "[tensor]") {
  CHECK_FALSE(parse_dtype(""));
  CHECK_FALSE(parse_dtype("float31"));
  CHECK_FALSE(parse_safetensors_dtype(""));
  CHECK_FALSE(parse_safetensors_dtype("f32"));
  CHECK(bits(static_cast<DType>(255)) == 8);
  CHECK(safetensors_name(static_cast<DType>(kDTypes)).empty());
}
