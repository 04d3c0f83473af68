#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <weft/base/result.hpp>

namespace weft::lane {

/// What a `framed` stream is made of: a header of 32 bytes, then `length` bytes of payload, then the next header.
/// All fields little-endian:
///
///   0  kind       1   1 message, 2 write
///   1  flags      1   1 = more frames of this write follow, 2 = carries an immediate; a message has none
///   2  reserved   2   zero
///   4  immediate  4   zero without its flag
///   8  key        8   of the exposure that is written; zero in a message
///  16  offset     8   from the start of the exposure; zero in a message
///  24  length     8   of the payload
///
/// A write is one or more frames in a row (messages may stand between them); all but the last say `more` and carry
/// at least a byte; only the last may carry the immediate. A message is one frame.
enum class FrameKind : std::uint8_t { kMessage = 1, kWrite = 2 };

inline constexpr std::size_t kFrameHeaderBytes = 32;
/// The longest payload of one write frame that is accepted. Ours are shorter.
inline constexpr std::uint64_t kMaxWriteFrameBytes = 1024 * 1024;

struct FrameHeader {
  FrameKind kind = FrameKind::kMessage;
  bool more = false;
  std::optional<std::uint32_t> immediate{};
  std::uint64_t key = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool operator==(const FrameHeader&) const = default;
};

void encode_frame_header(const FrameHeader& header, std::span<std::byte, kFrameHeaderBytes> into) noexcept;

/// Refuses (Malformed) every header that encode_frame_header would not have written, a message longer than
/// `max_message` and a write frame longer than kMaxWriteFrameBytes.
Result<FrameHeader> decode_frame_header(std::span<const std::byte, kFrameHeaderBytes> bytes, std::uint64_t max_message);

}  // namespace weft::lane
