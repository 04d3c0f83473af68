#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <weft/base/result.hpp>
#include <weft/wire/message.hpp>

namespace weft::wire {

/// Writes header and segment. Owned by one loop; reuses its memory, so that after warm-up encoding allocates nothing.
class Encoder {
 public:
  Encoder();
  ~Encoder();
  Encoder(Encoder&&) noexcept;
  Encoder& operator=(Encoder&&) noexcept;

  /// The bytes that go before a payload of `payload_bytes` (which the caller sends itself, right behind). The span is
  /// valid until the next call. ResourceExhausted when header, segment and payload exceed kMaxMessageBytes.
  Result<std::span<const std::byte>> encode(const Message& message, std::size_t payload_bytes = 0,
                                            std::uint32_t credits = 0);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Reads one whole frame (header, one Cap'n Proto segment, payload) with every bound of limits.hpp checked: traversal,
/// nesting, counts, text that is UTF-8 without NUL, enumerations inside their range. Owned by one loop; after warm-up
/// decoding allocates nothing. Anything else than a well-formed frame of exactly these bytes is Malformed.
class Decoder {
 public:
  Decoder();
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  /// What comes back borrows `frame` and this decoder's arrays until the next call.
  Result<Decoded> decode(std::span<const std::byte> frame);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Bytes of the whole frame whose first kHeaderBytes are given; Malformed for a wrong magic or version, or one larger
/// than kMaxMessageBytes.
Result<std::size_t> frame_size(std::span<const std::byte, kHeaderBytes> header);

}  // namespace weft::wire
