// wire::Decoder on any bytes. What it takes must be written by Encoder, read again and be the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include <weft/wire/codec.hpp>

namespace {

using namespace weft::wire;
using Bytes = std::vector<std::byte>;

void require(bool holds) {
  if (!holds) std::abort();
}

Bytes written(const Decoded& decoded) {
  Encoder encoder;
  const auto head = encoder.encode(decoded.message, decoded.payload.size(), decoded.credits);
  // Objects that share bytes in a hostile message are written apart, which may be too much.
  if (!head) {
    require(head.error().kind() == weft::ErrorClass::kResourceExhausted);
    return {};
  }
  Bytes frame{head->begin(), head->end()};
  frame.insert(frame.end(), decoded.payload.begin(), decoded.payload.end());
  return frame;
}

void check(std::span<const std::byte> frame) {
  Decoder decoder;
  const auto decoded = decoder.decode(frame);
  if (!decoded) {
    require(decoded.error().kind() == weft::ErrorClass::kMalformed);
    return;
  }
  const Bytes first = written(*decoded);
  if (first.empty()) return;
  const auto reread = decoder.decode(first);
  require(reread.has_value());
  require(written(*reread) == first);
}

/// The same bytes behind a header that fits them, so that what lies in the segment is reached.
Bytes with_fitting_header(std::span<const std::byte> input) {
  Bytes frame{input.begin(), input.end()};
  const auto words = static_cast<std::uint32_t>((frame.size() - kHeaderBytes) / 8);
  const auto payload = static_cast<std::uint32_t>((frame.size() - kHeaderBytes) % 8);
  std::memcpy(frame.data(), &kMagic, sizeof kMagic);
  frame[2] = std::byte{kVersion};
  frame[3] = std::byte{0};
  std::memcpy(frame.data() + 8, &words, sizeof words);
  std::memcpy(frame.data() + 12, &payload, sizeof payload);
  return frame;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span{data, size});
  check(input);
  if (size >= kHeaderBytes) check(with_fitting_header(input));
  return 0;
}
