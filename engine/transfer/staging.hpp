#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace weft::transfer {

/// Buffers of one piece each, for what is read from a file or packed before it is posted. At most `limit` of them: more
/// is back-pressure. Counted uses, since a piece may take several writes. One loop owns it.
class Staging {
 public:
  Staging(std::size_t limit, std::uint64_t bytes) : limit_(limit), bytes_(bytes) {}
  /// An index with one use, or -1 when all are taken.
  std::int32_t take() {
    if (!free_.empty()) {
      const std::int32_t index = free_.back();
      free_.pop_back();
      buffers_[static_cast<std::size_t>(index)].uses = 1;
      return index;
    }
    if (buffers_.size() == limit_) return -1;
    buffers_.push_back({.memory = std::make_unique_for_overwrite<std::byte[]>(bytes_), .uses = 1});
    free_.reserve(buffers_.size());
    return static_cast<std::int32_t>(buffers_.size() - 1);
  }
  std::byte* data(std::int32_t index) noexcept { return buffers_[static_cast<std::size_t>(index)].memory.get(); }
  void hold(std::int32_t index) noexcept { ++buffers_[static_cast<std::size_t>(index)].uses; }
  /// Whether that was the last use.
  bool let_go(std::int32_t index) {
    if (--buffers_[static_cast<std::size_t>(index)].uses != 0) return false;
    free_.push_back(index);
    freed_ = true;
    return true;
  }
  /// Whether a buffer came back since this was asked last: somebody may have waited for it.
  bool take_freed() noexcept { return std::exchange(freed_, false); }
  std::size_t taken() const noexcept { return buffers_.size() - free_.size(); }

 private:
  struct Buffer {
    std::unique_ptr<std::byte[]> memory;
    std::uint32_t uses = 0;
  };
  std::size_t limit_;
  std::uint64_t bytes_;
  bool freed_ = false;
  std::vector<Buffer> buffers_;
  std::vector<std::int32_t> free_;
};

}  // namespace weft::transfer
