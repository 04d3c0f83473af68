#include <weft/stream/socket_pipe.hpp>

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <weft/stream/socket.hpp>

namespace weft::stream {
namespace {

constexpr std::size_t kMaxRanges = 64;  // of one sendmsg

}  // namespace

SocketPipe::SocketPipe(Fd fd) : fd_(std::move(fd)) {}

Result<SocketPipe> SocketPipe::open(Fd fd) {
  WEFT_TRY(prepare_connection(fd.get()));
  return SocketPipe{std::move(fd)};
}

Result<std::size_t> SocketPipe::read(std::span<std::byte> into) {
  if (failed_) return fail(*failed_);
  if (into.empty()) return 0;
  const Moved got = receive(fd_.get(), into);
  if (got.ended) return lost("read", 0);
  if (got.code != 0) return lost("read", got.code);
  return got.size;
}

Result<std::size_t> SocketPipe::write(std::span<const std::span<const std::byte>> ranges) {
  if (failed_) return fail(*failed_);
  std::size_t written = 0;
  blocked_ = false;
  while (!ranges.empty()) {
    std::array<iovec, kMaxRanges> vectors{};
    const std::size_t count = std::min(ranges.size(), kMaxRanges);
    std::size_t offered = 0;
    for (std::size_t i = 0; i < count; ++i) {
      vectors[i] = {.iov_base = const_cast<std::byte*>(ranges[i].data()), .iov_len = ranges[i].size()};
      offered += ranges[i].size();
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const ssize_t sent = sendmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return lost("write", errno);
    written += sent < 0 ? 0 : static_cast<std::size_t>(sent);
    if (sent < 0 || static_cast<std::size_t>(sent) < offered) {
      blocked_ = true;
      return written;
    }
    ranges = ranges.subspan(count);
  }
  return written;
}

std::unexpected<Error> SocketPipe::lost(const char* operation, int code) {
  if (code == 0) {
    failed_ = Error{ErrorClass::kPeerLost, operation, "the peer closed the connection"};
  } else {
    const Error told = fail_errno(code, operation).error();
    failed_ = Error{ErrorClass::kPeerLost, operation, "the connection broke"}.with_native(
        code, std::string{told.native_text()});
  }
  return fail(*failed_);
}

}  // namespace weft::stream
