#include <weft/lane/frame_header.hpp>

#include <bit>
#include <cstring>
#include <string>

namespace weft::lane {
namespace {

static_assert(std::endian::native == std::endian::little, "fields are copied as they are");

constexpr std::uint8_t kMore = 1;
constexpr std::uint8_t kImmediate = 2;

template <class T>
void put(std::span<std::byte, kFrameHeaderBytes> into, std::size_t at, T value) noexcept {
  std::memcpy(into.data() + at, &value, sizeof(T));
}

template <class T>
T get(std::span<const std::byte, kFrameHeaderBytes> from, std::size_t at) noexcept {
  T value{};
  std::memcpy(&value, from.data() + at, sizeof(T));
  return value;
}

std::unexpected<Error> malformed(std::string what) { return fail(ErrorClass::kMalformed, "frame", std::move(what)); }

}  // namespace

void encode_frame_header(const FrameHeader& header, std::span<std::byte, kFrameHeaderBytes> into) noexcept {
  const auto flags = static_cast<std::uint8_t>((header.more ? kMore : 0) | (header.immediate ? kImmediate : 0));
  put(into, 0, static_cast<std::uint8_t>(header.kind));
  put(into, 1, flags);
  put(into, 2, std::uint16_t{0});
  put(into, 4, header.immediate.value_or(0));
  put(into, 8, header.key);
  put(into, 16, header.offset);
  put(into, 24, header.length);
}

Result<FrameHeader> decode_frame_header(std::span<const std::byte, kFrameHeaderBytes> bytes,
                                        std::uint64_t max_message) {
  const auto kind = get<std::uint8_t>(bytes, 0);
  const auto flags = get<std::uint8_t>(bytes, 1);
  const auto immediate = get<std::uint32_t>(bytes, 4);
  FrameHeader header{};
  header.more = (flags & kMore) != 0;
  header.key = get<std::uint64_t>(bytes, 8);
  header.offset = get<std::uint64_t>(bytes, 16);
  header.length = get<std::uint64_t>(bytes, 24);
  if ((flags & kImmediate) != 0) header.immediate = immediate;

  if (get<std::uint16_t>(bytes, 2) != 0) return malformed("the reserved bytes of a frame header are not zero");
  if ((flags & ~(kMore | kImmediate)) != 0) return malformed("a frame header has unknown flags");
  if (!header.immediate && immediate != 0) return malformed("an immediate without its flag");
  if (kind == static_cast<std::uint8_t>(FrameKind::kMessage)) {
    if (flags != 0 || header.key != 0 || header.offset != 0) return malformed("a message with a write's fields");
    if (header.length > max_message) return malformed("a message longer than the longest allowed");
    header.kind = FrameKind::kMessage;
    return header;
  }
  if (kind != static_cast<std::uint8_t>(FrameKind::kWrite)) return malformed("a frame of an unknown kind");
  if (header.length > kMaxWriteFrameBytes) return malformed("a write frame longer than the longest allowed");
  if (header.more && (header.immediate || header.length == 0)) return malformed("a write frame contradicts itself");
  header.kind = FrameKind::kWrite;
  return header;
}

}  // namespace weft::lane
