#pragma once

#include <optional>

#include <weft/base/fd.hpp>
#include <weft/lane/byte_pipe.hpp>

namespace weft::stream {

/// A byte pipe in clear over a connected TCP or Unix socket. One loop owns it. Wait for its descriptor level-triggered:
/// a read may stop at less than was asked for before the socket is empty.
class SocketPipe final : public lane::BytePipe {
 public:
  /// Adopts the socket and prepares it (non-blocking, no delay). Internal or the system's word when that fails.
  static Result<SocketPipe> open(Fd fd);

  Result<std::size_t> read(std::span<std::byte> into) override;
  Result<std::size_t> write(std::span<const std::span<const std::byte>> ranges) override;
  bool has_buffered() const override { return false; }
  bool wants_write() const override { return blocked_; }
  int descriptor() const override { return fd_.get(); }
  bool sealed() const override { return false; }

 private:
  explicit SocketPipe(Fd fd);
  std::unexpected<Error> lost(const char* operation, int code);

  Fd fd_;
  bool blocked_ = false;
  std::optional<Error> failed_;
};

}  // namespace weft::stream
