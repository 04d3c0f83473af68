#include <array>

#include <weft/tensor/dtype.hpp>

namespace weft {
namespace {

struct Row {
  std::uint32_t bits;
  std::string_view torch;
  std::string_view safetensors;
  std::optional<DLPackType> dlpack;
};

constexpr DLPackType dl(std::uint8_t code, std::uint8_t bits) { return {.code = code, .bits = bits, .lanes = 1}; }

// In the order of the enumeration. DLPack's codes: 0 int, 1 uint, 2 float, 4 bfloat, 5 complex, 6 bool, 10 float8
// e4m3fn, 12 e5m2, 14 e8m0fnu, 17 float4 e2m1fn.
constexpr std::array<Row, kDTypes> kTable{{
    {8, "bool", "BOOL", dl(6, 8)},
    {4, "int4", "", dl(0, 4)},
    {4, "uint4", "", dl(1, 4)},
    {8, "int8", "I8", dl(0, 8)},
    {8, "uint8", "U8", dl(1, 8)},
    {16, "int16", "I16", dl(0, 16)},
    {16, "uint16", "U16", dl(1, 16)},
    {32, "int32", "I32", dl(0, 32)},
    {32, "uint32", "U32", dl(1, 32)},
    {64, "int64", "I64", dl(0, 64)},
    {64, "uint64", "U64", dl(1, 64)},
    {4, "float4_e2m1fn_x2", "F4", dl(17, 4)},
    {8, "float8_e4m3fn", "F8_E4M3", dl(10, 8)},
    {8, "float8_e5m2", "F8_E5M2", dl(12, 8)},
    {8, "float8_e8m0fnu", "F8_E8M0", dl(14, 8)},
    {16, "bfloat16", "BF16", dl(4, 16)},
    {16, "float16", "F16", dl(2, 16)},
    {32, "float32", "F32", dl(2, 32)},
    {64, "float64", "F64", dl(2, 64)},
    {64, "complex64", "C64", dl(5, 64)},
    {128, "complex128", "", dl(5, 128)},
    {8, "opaque", "", std::nullopt},
}};

// A value from a peer may be outside the enumeration: it is treated as opaque bytes here, and refused by validate().
const Row& row(DType dtype) noexcept {
  const auto index = static_cast<std::size_t>(dtype);
  return kTable[index < kTable.size() ? index : kTable.size() - 1];
}

std::optional<DType> find(std::string_view name, std::string_view Row::* column) noexcept {
  if (name.empty()) return std::nullopt;
  for (std::size_t index = 0; index < kTable.size(); ++index)
    if (kTable[index].*column == name) return static_cast<DType>(index);
  return std::nullopt;
}

}  // namespace

std::uint32_t bits(DType dtype) noexcept { return row(dtype).bits; }
std::string_view to_string(DType dtype) noexcept { return row(dtype).torch; }
std::optional<DType> parse_dtype(std::string_view torch_name) noexcept { return find(torch_name, &Row::torch); }
std::string_view safetensors_name(DType dtype) noexcept { return row(dtype).safetensors; }
std::optional<DType> parse_safetensors_dtype(std::string_view name) noexcept { return find(name, &Row::safetensors); }
std::optional<DLPackType> dlpack_type(DType dtype) noexcept { return row(dtype).dlpack; }

}  // namespace weft
