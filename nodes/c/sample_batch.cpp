#include <weft/nodes/c/sample_batch.hpp>

#include <cstring>

#include <fmt/format.h>

namespace weft::c {
namespace {

void put(std::byte* into, std::uint64_t value) noexcept {
  for (int i = 0; i != 8; ++i) into[i] = static_cast<std::byte>(value >> (8 * i));
}
std::uint64_t get(const std::byte* from) noexcept {
  std::uint64_t value = 0;
  for (int i = 0; i != 8; ++i) value |= std::to_integer<std::uint64_t>(from[i]) << (8 * i);
  return value;
}

}  // namespace

std::array<std::byte, SampleBatch::kHeaderBytes> SampleBatch::header() const noexcept {
  std::array<std::byte, kHeaderBytes> bytes{};
  put(bytes.data(), head);
  put(bytes.data() + 8, count);
  return bytes;
}

Outcome<std::vector<std::span<std::byte>>> SampleBatch::parts(const FlowFile& flow) const {
  const FlowShape& shape = flow.layout().shape();
  WEFT_C_LET(const SampleRange range, SampleRange::of(head, count, shape.buffer_samples));
  std::vector<std::span<std::byte>> parts;
  for (std::uint32_t channel = 0; channel != shape.channels; ++channel) {
    const auto buffer = flow.buffers().subspan(channel * flow.layout().buffer_bytes(), flow.layout().buffer_bytes());
    parts.push_back(buffer.subspan(range.first * shape.sample_bytes, range.before_wrap * shape.sample_bytes));
    if (range.after_wrap != 0) parts.push_back(buffer.first(range.after_wrap * shape.sample_bytes));
  }
  return parts;
}

Outcome<SampleBatch> SampleBatch::unpack(std::span<const std::byte> batch, const FlowFile& flow) {
  const auto wrong = [](const char* what) { return refuse(WEFT_ERR_INTEGRITY, fmt::format("a batch {}", what)); };
  if (batch.size() < kHeaderBytes) return wrong("without a header arrived");
  const SampleBatch arrived{.head = get(batch.data()), .count = get(batch.data() + 8)};
  // The count is the peer's: held against the ring before it is multiplied, and against what is there before a copy.
  auto parts = arrived.parts(flow);
  if (!parts) return wrong("of samples that this flow cannot have arrived");
  const FlowShape& shape = flow.layout().shape();
  if (arrived.count > (batch.size() - kHeaderBytes) / shape.sample_bytes / shape.channels)
    return wrong("of more samples than it carries arrived");
  const std::byte* from = batch.data() + kHeaderBytes;
  for (const std::span<std::byte> part : *parts) {
    std::memcpy(part.data(), from, part.size());
    from += part.size();
  }
  return arrived;
}

}  // namespace weft::c
