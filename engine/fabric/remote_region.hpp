#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/base/checked.hpp>
#include <weft/base/result.hpp>

namespace weft::fabric {

/// A range of a peer's registered memory. Whoever holds the key may write there: it is shown to that peer only.
struct RemoteRegion {
  std::uint64_t addr = 0;  ///< offset from the region's start, or a virtual address (Domain::using_virtual_addresses)
  std::size_t len = 0;     ///< bytes
  std::uint64_t rkey = 0;

  /// The part [offset, offset + length). InvalidArgument when it is not inside.
  Result<RemoteRegion> sub(std::uint64_t offset, std::size_t length) const {
    if (!within<std::uint64_t>(offset, length, len))
      return fail(ErrorClass::kInvalidArgument, "RemoteRegion::sub", "the part is not inside the region");
    return RemoteRegion{addr + offset, length, rkey};
  }
  bool operator==(const RemoteRegion&) const = default;
};

}  // namespace weft::fabric
