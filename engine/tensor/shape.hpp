#pragma once

#include <cstdint>
#include <string>

#include <weft/base/result.hpp>
#include <weft/tensor/axes.hpp>

namespace weft {

/// Elements along each axis, outermost first: `Shape{30522, 384}`. Rank 0 is a scalar (one element). A value; says
/// nothing about validity, which TensorMeta::validate does.
class Shape : public detail::Axes {
 public:
  using Axes::Axes;
  /// The product; 1 for rank 0, 0 when an axis is 0. InvalidArgument for a negative axis, more than 32 axes, or when
  /// the product of the axes that are not 0 is over 2^63 - 1 (so the answer does not depend on their order).
  Result<std::uint64_t> element_count() const;
  /// "[30522, 384]"; "[]" for a scalar.
  std::string to_string() const;
};

/// Distance in elements between neighbours along each axis. Empty means row-major.
class Strides : public detail::Axes {
 public:
  using Axes::Axes;
  std::string to_string() const;
};

}  // namespace weft
