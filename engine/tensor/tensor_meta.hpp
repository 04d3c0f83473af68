#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include <weft/base/result.hpp>
#include <weft/tensor/dtype.hpp>
#include <weft/tensor/shape.hpp>

namespace weft {

/// Free text that an application ties to a tensor. Weft does not read it.
using Attributes = std::map<std::string, std::string, std::less<>>;

/// What a tensor is, without its bytes. A plain value; `validate` says whether it makes sense.
struct TensorMeta {
  DType dtype = DType::kU8;
  Shape shape{};
  Strides strides{};          ///< in elements; empty: row-major
  std::string opaque_type{};  ///< kOpaque only: what the bytes are, in the sender's own words
  bool requires_grad = false;
  Attributes attributes{};  ///< travel with the tensor and with every part of it
  /// kOpaque only: how many bytes there are, where the shape does not say so. Without it a kOpaque element is a byte.
  std::optional<std::uint64_t> opaque_bytes{};

  /// Bytes of the tensor laid out dense and row-major; 4-bit elements round up to a whole byte at the very end.
  /// InvalidArgument: as Shape::element_count, or more than kMaxTensorBytes.
  Result<std::uint64_t> byte_size() const;
  /// Bytes from the first element to one past the last byte that the strides reach; `byte_size` when they are dense,
  /// 0 for no elements. InvalidArgument as byte_size; Unsupported for a negative stride.
  Result<std::uint64_t> extent_bytes() const;
  /// Everything above, and: a known dtype, as many strides as axes, an opaque type's name of at most 255 bytes of
  /// UTF-8 without NUL and for kOpaque only; at most 32 attributes, with keys of 1 to 255 bytes, keys and values of
  /// UTF-8 without NUL and together at most 4 KiB. InvalidArgument or Unsupported (a negative stride), with what is
  /// wrong.
  Result<void> validate() const;

  bool operator==(const TensorMeta&) const = default;
};

/// The strides of `shape` in row-major order. The shape's element_count must have passed.
Strides row_major(const Shape& shape);

}  // namespace weft
