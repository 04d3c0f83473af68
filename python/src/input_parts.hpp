#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <weft/python/input.hpp>

/// What the ways in share.
namespace weft::python {

[[noreturn]] void refuse_dtype(std::string_view what);
[[noreturn]] void refuse_mask();
/// Strides of `meta`, whose shape is there, in bytes or in elements; none where they are row-major.
void set_byte_strides(TensorMeta& meta, std::span<const Py_ssize_t> strides, std::size_t item_bytes);
void set_strides(TensorMeta& meta, std::span<const std::int64_t> strides);

Input of_dlpack(nb::handle object);
Input of_array_interface(nb::handle object);

}  // namespace weft::python
