#include <weft/transfer/space.hpp>

#include <algorithm>

#include <weft/base/checked.hpp>

namespace weft::transfer {

void Space::reset(std::uint64_t piece_bytes) {
  piece_bytes_ = piece_bytes;
  total_ = 0;
  payload_ = 0;
  leaves_ = 0;
  entries_.clear();
}

Result<void> Space::add(std::uint64_t bytes) {
  std::uint64_t offset = round_up(total_, kEntryAlignment);
  if (bytes >= piece_bytes_ || (offset & (piece_bytes_ - 1)) + bytes > piece_bytes_)
    offset = round_up(offset, piece_bytes_);
  if (bytes == 0) offset = total_;
  if (bytes > kMaxPieces * piece_bytes_ || offset + bytes > kMaxPieces * piece_bytes_)
    return fail(Error(ErrorClass::kResourceExhausted, "transfer", "more bytes than one transfer can hold")
                    .with_hint("ask for fewer names at a time, or for a slice"));
  entries_.push_back({.offset = offset, .bytes = bytes, .first_leaf = leaves_});
  leaves_ += entries_.back().leaves();
  total_ = offset + bytes;
  payload_ += bytes;
  return {};
}

std::uint64_t Space::piece_end(std::uint32_t piece) const noexcept {
  return std::min(total_, (static_cast<std::uint64_t>(piece) + 1) * piece_bytes_);
}

std::uint32_t Space::entry_at(std::uint64_t offset) const noexcept {
  const auto found = std::partition_point(
      entries_.begin(), entries_.end(), [offset](const Entry& entry) { return entry.offset + entry.bytes <= offset; });
  return static_cast<std::uint32_t>(found - entries_.begin());
}

std::uint32_t Space::entry_of_leaf(std::uint32_t index) const noexcept {
  const auto found = std::partition_point(entries_.begin(), entries_.end(), [index](const Entry& entry) {
    return entry.first_leaf + entry.leaves() <= index;
  });
  return static_cast<std::uint32_t>(found - entries_.begin());
}

Space::LeafRange Space::leaves_of(std::uint32_t piece) const noexcept {
  const std::uint64_t begin = piece_begin(piece);
  const std::uint64_t end = piece_end(piece);
  const std::uint32_t first_entry = entry_at(begin);
  if (first_entry == entries_.size() || entries_[first_entry].offset >= end) return {};
  const Entry& head = entries_[first_entry];
  const std::uint64_t into = head.offset < begin ? begin - head.offset : 0;
  const std::uint32_t first = head.first_leaf + static_cast<std::uint32_t>(into / kLeafBytes);
  std::uint32_t last_entry = entry_at(end - 1);
  if (last_entry == entries_.size() || entries_[last_entry].offset >= end) --last_entry;
  while (entries_[last_entry].bytes == 0) --last_entry;  // the piece has bytes, so one of its entries has
  const Entry& tail = entries_[last_entry];
  const std::uint64_t up_to = std::min(tail.bytes, end - tail.offset);
  const std::uint32_t past = tail.first_leaf + static_cast<std::uint32_t>((up_to + kLeafBytes - 1) / kLeafBytes);
  return {.first = first, .count = past - first};
}

Space::Leaf Space::leaf(std::uint32_t index) const noexcept {
  const std::uint32_t which = entry_of_leaf(index);
  const Entry& entry = entries_[which];
  const std::uint64_t into = (index - entry.first_leaf) * kLeafBytes;
  return {.entry = which, .offset = entry.offset + into, .bytes = std::min(kLeafBytes, entry.bytes - into)};
}

}  // namespace weft::transfer
