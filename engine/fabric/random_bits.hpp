#pragma once

#include <sys/random.h>

#include <cerrno>
#include <cstdint>

#include <weft/base/result.hpp>

namespace weft::fabric {

/// 64 unpredictable bits of the kernel's. Private to engine/fabric.
inline Result<std::uint64_t> random_bits() {
  std::uint64_t bits = 0;
  if (getrandom(&bits, sizeof bits, 0) != static_cast<ssize_t>(sizeof bits)) return fail_errno(errno, "getrandom");
  return bits;
}

}  // namespace weft::fabric
