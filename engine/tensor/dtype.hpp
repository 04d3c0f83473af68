#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weft {

/// Element types. Sub-byte types are packed, the lower nibble first.
enum class DType : std::uint8_t {
  kBool,
  kI4,
  kU4,
  kI8,
  kU8,
  kI16,
  kU16,
  kI32,
  kU32,
  kI64,
  kU64,
  kF4E2M1,
  kF8E4M3,
  kF8E5M2,
  kF8E8M0,
  kBF16,
  kF16,
  kF32,
  kF64,
  kC64,
  kC128,
  kOpaque,  ///< any type name, any byte count: `opaque_type` says what the bytes are
};
inline constexpr std::uint8_t kDTypes = 22;

/// Bits of one element; 8 for kOpaque (its elements are bytes).
std::uint32_t bits(DType) noexcept;
/// torch's names: "float32", "bfloat16", "float8_e4m3fn", "int4", "float4_e2m1fn_x2", "opaque"…
std::string_view to_string(DType) noexcept;
std::optional<DType> parse_dtype(std::string_view torch_name) noexcept;
/// safetensors' names: "F32", "BF16", "F8_E4M3", "BOOL"…; empty where the format has none.
std::string_view safetensors_name(DType) noexcept;
std::optional<DType> parse_safetensors_dtype(std::string_view name) noexcept;

/// DLPack's {code, bits, lanes}.
struct DLPackType {
  std::uint8_t code = 0;
  std::uint8_t bits = 0;
  std::uint16_t lanes = 1;
};
std::optional<DLPackType> dlpack_type(DType) noexcept;

}  // namespace weft
