#include <weft/base/fd.hpp>

#include <unistd.h>

namespace weft {

// Never retried: on Linux the descriptor is gone even when close reports EINTR.
void FdTraits::close(int fd) noexcept { ::close(fd); }

}  // namespace weft
