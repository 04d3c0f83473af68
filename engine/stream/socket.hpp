#pragma once

#include <cstddef>
#include <span>

#include <weft/base/fd.hpp>
#include <weft/base/result.hpp>
#include <weft/stream/socket_address.hpp>

/// What every stream socket of ours has in common. Internal to this component. Any thread.
namespace weft::stream {

/// A non-blocking, close-on-exec stream socket of that address's family.
Result<Fd> open_stream_socket(const SocketAddress& address);

/// Makes a connected socket fit for sessions: non-blocking; on TCP no delay for small records and little unsent data
/// in the kernel, so that a ping does not wait behind a megabyte.
Result<void> prepare_connection(int fd);

/// One recv or send that never blocks and raises no signal. `would_block` excludes the other outcomes.
struct Moved {
  std::size_t size = 0;
  bool would_block = false;
  bool ended = false;  ///< receive: the peer's end of stream
  int code = 0;        ///< errno, or 0
};
Moved receive(int fd, std::span<std::byte> into) noexcept;
Moved transmit(int fd, std::span<const std::byte> from) noexcept;

}  // namespace weft::stream
