#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <weft/base/flat_map.hpp>

namespace weft::transfer {

/// Buffers of one piece each, for what is read from a file or packed before it is posted. At most `limit` of them: more
/// is back-pressure. One owner (a session) has at most half of them, and each may have two beyond the limit: a slow one
/// does not stop the others. Counted uses, since a piece may take several writes. One loop owns it.
class Staging {
 public:
  Staging(std::size_t limit, std::uint64_t bytes) : limit_(limit), bytes_(bytes) {}
  /// An index with one use, or -1 when all are taken.
  std::int32_t take(std::uint64_t owner) {
    std::uint32_t* held = held_.find(owner);
    const std::size_t own = held == nullptr ? 0 : *held;
    const bool fair = taken() < limit_ && own < std::max<std::size_t>(kGuaranteed, limit_ / 2);
    if (!fair && own >= kGuaranteed) return -1;
    held_.set(owner, static_cast<std::uint32_t>(own + 1));
    if (free_.empty()) {
      free_.push_back(static_cast<std::int32_t>(buffers_.size()));
      buffers_.push_back({.memory = std::make_unique_for_overwrite<std::byte[]>(bytes_)});
      free_.reserve(buffers_.size());
    }
    const std::int32_t index = free_.back();
    free_.pop_back();
    Buffer& buffer = buffers_[static_cast<std::size_t>(index)];
    buffer.uses = 1;
    buffer.owner = owner;
    return index;
  }
  std::byte* data(std::int32_t index) noexcept { return buffers_[static_cast<std::size_t>(index)].memory.get(); }
  std::size_t buffer_bytes() const noexcept { return bytes_; }
  void hold(std::int32_t index) noexcept { ++buffers_[static_cast<std::size_t>(index)].uses; }
  /// Whether that was the last use.
  bool let_go(std::int32_t index) {
    Buffer& buffer = buffers_[static_cast<std::size_t>(index)];
    if (--buffer.uses != 0) return false;
    if (std::uint32_t* held = held_.find(buffer.owner); held != nullptr && --*held == 0) held_.erase(buffer.owner);
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
    std::uint64_t owner = 0;
  };
  static constexpr std::size_t kGuaranteed = 2;
  std::size_t limit_;
  std::uint64_t bytes_;
  bool freed_ = false;
  std::vector<Buffer> buffers_;
  std::vector<std::int32_t> free_;
  FlatMap<std::uint32_t> held_;  // by owner
};

}  // namespace weft::transfer
