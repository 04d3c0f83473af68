#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <weft/base/limits.hpp>
#include <weft/base/result.hpp>

namespace weft::transfer {

/// The linear byte space of one transfer (docs/protocol.md): its entries one after the other, cut into pieces of one
/// power-of-two size. An entry of a piece or more starts on a piece boundary, a smaller one on 64 bytes and never
/// straddles one, so every leaf lies in exactly one piece. Gaps are neither sent nor hashed. Both ends compute it from
/// the entries' sizes alone and get the same.
class Space {
 public:
  struct Entry {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    std::uint32_t first_leaf = 0;
    std::uint32_t leaves() const noexcept { return static_cast<std::uint32_t>((bytes + kLeafBytes - 1) / kLeafBytes); }
  };
  /// A leaf: which entry, and where its bytes lie in the space.
  struct Leaf {
    std::uint32_t entry = 0;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };

  /// Empties the space. `piece_bytes` is a power of two, at least kLeafBytes.
  void reset(std::uint64_t piece_bytes);
  /// Appends an entry. ResourceExhausted past kMaxPieces pieces.
  Result<void> add(std::uint64_t bytes);

  std::uint64_t piece_bytes() const noexcept { return piece_bytes_; }
  std::uint64_t total() const noexcept { return total_; }
  std::uint32_t pieces() const noexcept {
    return static_cast<std::uint32_t>((total_ + piece_bytes_ - 1) / piece_bytes_);
  }
  std::uint32_t leaves() const noexcept { return leaves_; }
  std::span<const Entry> entries() const noexcept { return entries_; }
  /// Bytes of entries alone, without gaps.
  std::uint64_t payload() const noexcept { return payload_; }

  std::uint64_t piece_begin(std::uint32_t piece) const noexcept { return piece * piece_bytes_; }
  std::uint64_t piece_end(std::uint32_t piece) const noexcept;
  /// The first entry with bytes at or after `offset` (entries().size() when there is none).
  std::uint32_t entry_at(std::uint64_t offset) const noexcept;
  /// The leaves that lie in a piece: [first, first + count).
  struct LeafRange {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };
  LeafRange leaves_of(std::uint32_t piece) const noexcept;
  Leaf leaf(std::uint32_t index) const noexcept;
  std::uint32_t piece_of_leaf(std::uint32_t index) const noexcept {
    return static_cast<std::uint32_t>(leaf(index).offset / piece_bytes_);
  }

 private:
  std::uint32_t entry_of_leaf(std::uint32_t index) const noexcept;

  std::uint64_t piece_bytes_ = kLeafBytes;
  std::uint64_t total_ = 0;
  std::uint64_t payload_ = 0;
  std::uint32_t leaves_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace weft::transfer
