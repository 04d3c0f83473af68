#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <utility>

#include <weft/base/fd.hpp>
#include <weft/lane/byte_pipe.hpp>

namespace weft::conformance {

/// One end of a socket pair, with no more between test and kernel than must be. Can be told to move a few bytes at a
/// time, so that every boundary inside a frame is met.
class PlainPipe final : public lane::BytePipe {
 public:
  static std::pair<std::unique_ptr<PlainPipe>, std::unique_ptr<PlainPipe>> make_pair() {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) return {};
    return {std::make_unique<PlainPipe>(Fd{ends[0]}), std::make_unique<PlainPipe>(Fd{ends[1]})};
  }
  explicit PlainPipe(Fd fd) : fd_(std::move(fd)) {}

  /// From now on each call moves 1 to `most` bytes and now and then none, drawn from `seed`.
  void dribble(std::size_t most, std::uint64_t seed) {
    most_ = most;
    state_ = seed | 1;
  }

  Result<std::size_t> read(std::span<std::byte> into) override {
    if (!into.empty()) into = into.first(std::min(into.size(), draw()));
    if (into.empty()) return 0;
    const ssize_t got = ::recv(fd_.get(), into.data(), into.size(), 0);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0) return fail(ErrorClass::kPeerLost, "recv", "the peer closed its end");
    if (errno == EAGAIN || errno == EINTR) return 0;
    return fail_errno(errno, "recv");
  }
  Result<std::size_t> write(std::span<const std::span<const std::byte>> ranges) override {
    std::array<iovec, 256> vectors;
    std::size_t count = 0;
    std::size_t allowed = draw();
    for (const auto& range : ranges) {
      if (count == vectors.size() || allowed == 0) break;
      const std::size_t here = std::min(allowed, range.size());
      vectors[count++] = {const_cast<std::byte*>(range.data()), here};
      allowed -= here;
    }
    if (count == 0) return 0;
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const ssize_t sent = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EAGAIN || errno == EINTR) return 0;
    return fail_errno(errno, "sendmsg");
  }
  bool has_buffered() const override { return false; }
  bool wants_write() const override { return false; }
  int descriptor() const override { return fd_.get(); }
  bool sealed() const override { return false; }

 private:
  std::size_t draw() {
    if (most_ == 0) return SIZE_MAX;
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ % (most_ + 1);
  }

  Fd fd_;
  std::size_t most_ = 0;
  std::uint64_t state_ = 1;
};

}  // namespace weft::conformance
