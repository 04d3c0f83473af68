#pragma once

#include <concepts>
#include <optional>

namespace weft {

/// a + b, or nothing when it does not fit.
template <std::integral T>
constexpr std::optional<T> checked_add(T a, T b) noexcept {
  T sum{};
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

/// a × b, or nothing when it does not fit.
template <std::integral T>
constexpr std::optional<T> checked_mul(T a, T b) noexcept {
  T product{};
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

/// Whether [offset, offset + length) lies inside [0, size), with no sum that could wrap.
template <std::unsigned_integral T>
constexpr bool within(T offset, T length, T size) noexcept {
  return offset <= size && length <= size - offset;
}

/// The smallest multiple of `unit` (a power of two) that is ≥ value. The caller has checked that it fits.
template <std::unsigned_integral T>
constexpr T round_up(T value, T unit) noexcept {
  return (value + unit - 1) & ~(unit - 1);
}

}  // namespace weft
