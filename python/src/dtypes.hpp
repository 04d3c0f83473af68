#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <weft/python/dlpack.hpp>
#include <weft/tensor/tensor_meta.hpp>

/// Element types in the languages of others.
namespace weft::python {

/// torch's and ml_dtypes' names: "float32", "bfloat16", "float8_e4m3fn", "float4_e2m1fn"…
std::optional<DType> dtype_named(std::string_view name) noexcept;
std::optional<DType> dtype_of_dlpack(DLDataType type) noexcept;
/// PEP 3118's format, as memoryview and numpy tell it; native byte order only.
std::optional<DType> dtype_of_format(std::string_view format, std::size_t item_bytes) noexcept;
/// An __array_interface__'s typestr: "<f4".
std::optional<DType> dtype_of_typestr(std::string_view typestr) noexcept;
/// PEP 3118's; null where it has none (bfloat16, float8, 4-bit): "B" for opaque bytes.
const char* format_of(DType dtype) noexcept;
/// As Python tells it: an opaque tensor's is what its sender called it.
std::string dtype_text(const TensorMeta& meta);

}  // namespace weft::python
