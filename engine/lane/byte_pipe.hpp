#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <weft/base/result.hpp>

namespace weft::lane {

/// An ordered, reliable stream of bytes that never blocks: TCP, a Unix socket, or TLS over one of them
/// (engine/stream makes them). One loop owns it. An error is final: the pipe carries nothing after it.
class BytePipe {
 public:
  virtual ~BytePipe() = default;

  /// Reads what is there, up to into.size(). 0: nothing now. The peer's end is PeerLost.
  virtual Result<std::size_t> read(std::span<std::byte> into) = 0;
  /// Writes a prefix of the ranges, in order, and says how many bytes. 0: nothing fits now. A caller that was told
  /// less than all must offer the same remaining bytes again (TLS has encrypted some of them already).
  virtual Result<std::size_t> write(std::span<const std::span<const std::byte>> ranges) = 0;
  /// Whether read would return bytes without the descriptor being readable (decrypted and waiting).
  virtual bool has_buffered() const = 0;
  /// Whether the last read took all there was, as far as is known: another one now would most likely be in vain.
  virtual bool is_drained() const { return false; }
  /// Whether a blocked read or write waits for the descriptor to become writable.
  virtual bool wants_write() const = 0;
  /// The descriptor to wait on.
  virtual int descriptor() const = 0;
  /// Encrypted and authenticated.
  virtual bool sealed() const = 0;
};

}  // namespace weft::lane
