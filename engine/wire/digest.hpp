#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <weft/base/ids.hpp>
#include <weft/base/limits.hpp>

namespace weft::wire {

/// XXH3-64 of kLeafBytes of one entry, or of what is left of it.
using Leaf = std::uint64_t;

/// Leaves of an entry of so many bytes; none for an empty one.
constexpr std::uint64_t leaf_count(std::uint64_t bytes) noexcept {
  return bytes / kLeafBytes + (bytes % kLeafBytes != 0 ? 1 : 0);
}

/// The digest of one leaf's bytes. The same on every CPU; the fastest code for this one is chosen at run time. Any
/// thread may call it.
Leaf leaf_of(std::span<const std::byte> bytes) noexcept;

/// The same of bytes that do not lie together: added part by part, in order. Owned by one thread at a time.
class LeafStream {
 public:
  LeafStream() noexcept;
  void add(std::span<const std::byte> bytes) noexcept;
  /// Of what was added so far.
  Leaf leaf() const noexcept;

 private:
  alignas(64) std::array<std::byte, 576> state_;
};

/// An entry's root: XXH3-128 over its total bytes, its generation and its leaves, 8 bytes little-endian each, kept in
/// canonical (big-endian) order. It differs neither by lane nor by batch. Any thread may call it.
Digest root_of(std::uint64_t total, Generation generation, std::span<const Leaf> leaves) noexcept;

}  // namespace weft::wire
