#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

#include <weft/base/checked.hpp>
#include <weft/base/result.hpp>

namespace weft::fabric {

/// A range of our memory that an operation reads or fills. `desc` is its registration's, null where none is needed.
struct LocalRegion {
  std::uint64_t addr = 0;  ///< virtual address
  std::size_t len = 0;     ///< bytes
  void* desc = nullptr;

  /// The part [offset, offset + length). InvalidArgument when it is not inside.
  Result<LocalRegion> sub(std::uint64_t offset, std::size_t length) const {
    if (!within<std::uint64_t>(offset, length, len))
      return fail(ErrorClass::kInvalidArgument, "LocalRegion::sub", "the part is not inside the region");
    return LocalRegion{addr + offset, length, desc};
  }
  iovec to_iovec() const noexcept { return {reinterpret_cast<void*>(addr), len}; }
  bool operator==(const LocalRegion&) const = default;
};

}  // namespace weft::fabric
