#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/result.hpp>
#include <weft/tensor/shape.hpp>

namespace weft {

/// "To the end of the axis", whatever it is.
inline constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();

/// start, start + step, … below stop, along one axis; numpy's meaning: negative numbers count from the end, and what
/// lies outside the axis is clamped. step ≥ 1.
struct Range {
  std::int64_t start = 0, stop = kEnd, step = 1;
  bool operator==(const Range&) const = default;
};
inline constexpr Range all{};

/// Which part of a tensor: one Range for each leading axis, the axes after them whole. `{{0, 128}, all, {3, 4}}`.
/// No axis is dropped: a single index keeps its axis, with one element. Nothing is checked before `resolve`.
class Slice {
 public:
  Slice() = default;
  Slice(std::initializer_list<Range> ranges) : ranges_(ranges) {}
  static Slice of(std::span<const Range> ranges);

  /// "0:128, :, 3:4", "::2", "-1" (the last one), "3" (3:4); blanks are free, "" is the whole tensor. InvalidArgument,
  /// with what stands where, for anything else, a step below 1, and more than 32 ranges.
  static Result<Slice> parse(std::string_view text);
  /// What parse reads back as an equal Slice.
  std::string to_string() const;

  std::span<const Range> ranges() const noexcept { return ranges_; }
  bool empty() const noexcept { return ranges_.empty(); }

  /// One axis of a resolved slice: elements start, start + step, … `count` of them. In bounds; start is 0 if count is.
  struct Axis {
    std::int64_t start = 0, count = 0, step = 1;
    bool operator==(const Axis&) const = default;
  };
  /// One Axis per axis of `shape`. InvalidArgument: more ranges than axes, a step below 1, a negative axis.
  Result<std::vector<Axis>> resolve(const Shape& shape) const;

  bool operator==(const Slice&) const = default;

 private:
  std::vector<Range> ranges_;
};

}  // namespace weft
