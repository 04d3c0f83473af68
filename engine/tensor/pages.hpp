#pragma once

#include <cstdint>
#include <span>

namespace weft {

/// Equal blocks along one axis: index source[i] of the sender's tensor lands at index target[i] of the receiver's.
/// An empty `target` lands them densely, in the order of `source`. Borrowed for the call.
struct Pages {
  int axis = 0;  ///< negative counts from the last axis
  std::span<const std::uint32_t> source{}, target{};

  bool empty() const noexcept { return source.empty() && target.empty(); }
};

}  // namespace weft
