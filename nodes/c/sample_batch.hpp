#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <weft/nodes/c/flow_file.hpp>

namespace weft::c {

/// Samples of a continuous flow travel in batches: a header (the head and the count, 8 bytes each, little-endian), then
/// `count` samples of each channel, one channel after the other. Every batch has the size of the largest.
struct SampleBatch {
  static constexpr std::size_t kHeaderBytes = 16;

  std::uint64_t head = 0;
  std::uint64_t count = 0;

  static std::uint64_t bytes(const FlowShape& shape, std::uint64_t most_samples) noexcept {
    return kHeaderBytes + most_samples * shape.sample_bytes * shape.channels;
  }
  std::array<std::byte, kHeaderBytes> header() const noexcept;
  /// Where its samples lie in the flow, in the order in which they travel. INVALID_ARG: not a range of the ring.
  Outcome<std::vector<std::span<std::byte>>> parts(const FlowFile& flow) const;

  /// Copies the samples of an arrived batch to where they belong. INTEGRITY: it contradicts itself.
  static Outcome<SampleBatch> unpack(std::span<const std::byte> batch, const FlowFile& flow);
};

}  // namespace weft::c
