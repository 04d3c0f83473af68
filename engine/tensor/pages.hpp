#pragma once

#include <concepts>
#include <cstdint>
#include <span>

namespace weft {

/// Indices along an axis, borrowed for the call. Whatever converts to a span of them is given, an empty list too:
/// asking for no page is something else than not asking for pages.
class PageIndices {
 public:
  PageIndices() = default;
  template <class Range>
    requires std::convertible_to<const Range&, std::span<const std::uint32_t>>
  PageIndices(const Range& indices) : indices_(indices), given_(true) {}  // NOLINT: conversion is the point

  bool given() const noexcept { return given_; }
  std::size_t size() const noexcept { return indices_.size(); }
  auto begin() const noexcept { return indices_.begin(); }
  auto end() const noexcept { return indices_.end(); }
  operator std::span<const std::uint32_t>() const noexcept { return indices_; }

 private:
  std::span<const std::uint32_t> indices_{};
  bool given_ = false;
};

/// Equal blocks along one axis: index source[i] of the sender's tensor lands at index target[i] of the receiver's
/// `into`. Without `target` they land densely, in the order of `source`. No index in `source`: nothing moves.
struct Pages {
  int axis = 0;  ///< negative counts from the last axis, of `into`: without one its rank is not known here
  PageIndices source{}, target{};

  bool given() const noexcept { return source.given() || target.given(); }
};

}  // namespace weft
