#pragma once

#include <weft/base/unique_handle.hpp>

namespace weft {

struct FdTraits {
  using Handle = int;
  static int none() noexcept { return -1; }
  static void close(int fd) noexcept;
};

/// A file descriptor and its only owner.
using Fd = UniqueHandle<FdTraits>;

}  // namespace weft
