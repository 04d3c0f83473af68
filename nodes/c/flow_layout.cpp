#include <weft/nodes/c/flow_layout.hpp>

#include <algorithm>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include <weft/base/checked.hpp>

namespace weft::c {
namespace {

constexpr std::uint32_t kMaxGrains = 1 << 20;
constexpr std::uint32_t kMaxSampleBytes = 64;
constexpr std::uint32_t kMaxChannels = 4096;
/// A terabyte: no machine's shared memory; and small enough for every sum below.
constexpr std::uint64_t kMaxTotalBytes = 1ull << 40;

std::optional<std::string> fault_of(const FlowShape& shape) {
  if (shape.layout == WEFT_FLOW_DISCRETE) {
    if (shape.grain_count < 1 || shape.grain_count > kMaxGrains)
      return fmt::format("grainCount is {}, and may be 1 to {}", shape.grain_count, kMaxGrains);
    if (shape.grain_bytes < 1 || shape.grain_bytes > kMaxTotalBytes)
      return fmt::format("grainSize is {} bytes", shape.grain_bytes);
    if (shape.slices < 1 || shape.grain_bytes % shape.slices != 0)
      return fmt::format("{} slices do not divide grainSize, {} bytes", shape.slices, shape.grain_bytes);
    return std::nullopt;
  }
  if (shape.layout != WEFT_FLOW_CONTINUOUS) return fmt::format("there is no layout {}", shape.layout);
  if (shape.sample_bytes < 1 || shape.sample_bytes > kMaxSampleBytes)
    return fmt::format("sampleSize is {}, and may be 1 to {}", shape.sample_bytes, kMaxSampleBytes);
  if (shape.channels < 1 || shape.channels > kMaxChannels)
    return fmt::format("channels is {}, and may be 1 to {}", shape.channels, kMaxChannels);
  if (shape.buffer_samples < 2 || shape.buffer_samples > kMaxTotalBytes)
    return fmt::format("bufferLength is {} samples, and needs two at least", shape.buffer_samples);
  return std::nullopt;
}

}  // namespace

Outcome<FlowLayout> FlowLayout::arrange(FlowShape shape) {
  FlowLayout layout;
  std::optional<std::uint64_t> bytes;
  if (shape.layout == WEFT_FLOW_DISCRETE) {
    layout.data_at_ = kFlowPage + round_up<std::uint64_t>(shape.grain_count * sizeof(FlowSlot), kFlowPage);
    layout.grain_stride_ = round_up<std::uint64_t>(WEFT_GRAIN_HEADER_BYTES + shape.grain_bytes, kFlowPage);
    bytes = checked_mul<std::uint64_t>(shape.grain_count, layout.grain_stride_);
  } else {
    layout.data_at_ = kFlowPage;
    bytes = checked_mul<std::uint64_t>(shape.buffer_samples, std::uint64_t{shape.sample_bytes} * shape.channels);
  }
  if (!bytes || *bytes > kMaxTotalBytes)
    return bad_argument("the flow is larger than a terabyte", "fewer or smaller grains, or shorter buffers");
  shape.total_bytes = layout.data_at_ + round_up<std::uint64_t>(*bytes, kFlowPage);
  layout.shape_ = shape;
  return layout;
}

Outcome<FlowLayout> FlowLayout::of(const weftFlowConfig& config) {
  FlowShape shape{};
  std::memcpy(shape.magic, kFlowMagic, sizeof kFlowMagic);
  shape.version = kFlowVersion;
  shape.layout = static_cast<std::uint32_t>(config.layout);
  shape.rate_numerator = config.rateNumerator;
  shape.rate_denominator = config.rateDenominator;
  // What belongs to the other layout is not read, so that two files of one configuration are equal.
  if (config.layout == WEFT_FLOW_CONTINUOUS) {
    shape.sample_bytes = config.sampleSize;
    shape.channels = config.channels;
    shape.buffer_samples = config.bufferLength;
  } else {
    shape.grain_count = config.grainCount;
    shape.slices = std::max<std::uint32_t>(1, config.slicesPerGrain);
    shape.grain_bytes = config.grainSize;
  }
  if (auto fault = fault_of(shape)) return bad_argument(std::move(*fault));
  return arrange(shape);
}

Outcome<FlowLayout> FlowLayout::of(const FlowShape& shape, std::uint64_t file_bytes) {
  const auto invalid = [](const std::string& why) {
    return refuse(WEFT_ERR_FLOW_INVALID, "the file is no flow: " + why);
  };
  if (std::memcmp(shape.magic, kFlowMagic, sizeof kFlowMagic) != 0) return invalid("it does not begin like one");
  if (shape.version != kFlowVersion) return invalid(fmt::format("version {}", shape.version));
  if (const auto fault = fault_of(shape)) return invalid(*fault);
  auto layout = arrange(shape);
  if (!layout || layout->total_bytes() != shape.total_bytes) return invalid("its numbers contradict each other");
  if (file_bytes != shape.total_bytes)
    return invalid(fmt::format("it has {} bytes of {}", file_bytes, shape.total_bytes));
  return layout;
}

weftFlowConfig FlowLayout::config() const noexcept {
  return {.structSize = sizeof(weftFlowConfig),
          .layout = discrete() ? WEFT_FLOW_DISCRETE : WEFT_FLOW_CONTINUOUS,
          .grainCount = shape_.grain_count,
          .slicesPerGrain = shape_.slices,
          .grainSize = shape_.grain_bytes,
          .sampleSize = shape_.sample_bytes,
          .channels = shape_.channels,
          .bufferLength = shape_.buffer_samples,
          .rateNumerator = shape_.rate_numerator,
          .rateDenominator = shape_.rate_denominator};
}

Outcome<SampleRange> SampleRange::of(std::uint64_t head, std::uint64_t count, std::uint64_t ring) {
  if (count == 0 || count > ring)
    return bad_argument(fmt::format("{} samples, and the buffer has 1 to {}", count, ring));
  if (count > head) return bad_argument(fmt::format("{} samples up to {} begin before the first", count, head));
  const std::uint64_t first = (head - count) % ring;
  const std::uint64_t before = std::min(count, ring - first);
  return SampleRange{.first = first, .before_wrap = before, .after_wrap = count - before};
}

}  // namespace weft::c
