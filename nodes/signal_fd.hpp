#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include <weft/base/fd.hpp>
#include <weft/base/result.hpp>

namespace weft::detail {

/// A descriptor that is readable while it is set, for applications with an event loop of their own. It costs system
/// calls from when it was asked for. Its owner's lock covers every member.
class SignalFd {
 public:
  static Result<SignalFd> open() {
    SignalFd made;
    made.fd_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!made.fd_) return fail_errno(errno, "eventfd");
    return made;
  }
  int descriptor() noexcept {
    if (!std::exchange(asked_for_, true) && set_) raise();
    return fd_.get();
  }
  void set() noexcept {
    if (!std::exchange(set_, true) && asked_for_) raise();
  }
  void clear() noexcept {
    if (!std::exchange(set_, false) || !asked_for_) return;
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(fd_.get(), &count, sizeof count);
  }

 private:
  void raise() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);
  }

  Fd fd_;
  bool set_ = false;
  bool asked_for_ = false;
};

}  // namespace weft::detail
