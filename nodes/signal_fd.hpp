#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include <weft/base/fd.hpp>
#include <weft/base/result.hpp>

namespace weft::detail {

/// A descriptor that is readable while it is set, for applications with an event loop of their own.
class SignalFd {
 public:
  static Result<SignalFd> open() {
    SignalFd made;
    made.fd_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!made.fd_) return fail_errno(errno, "eventfd");
    return made;
  }
  int descriptor() const noexcept { return fd_.get(); }
  void set() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);
  }
  void clear() noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(fd_.get(), &count, sizeof count);
  }

 private:
  Fd fd_;
};

}  // namespace weft::detail
