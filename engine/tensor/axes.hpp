#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include <weft/base/limits.hpp>

namespace weft::detail {

/// One number per axis, at most kMaxRank of them; the first kInline live in the object, so that real tensors cost no
/// allocation. Built from more than kMaxRank it is empty and `overlong()`, which TensorMeta::validate refuses.
class Axes {
 public:
  Axes() = default;
  Axes(std::initializer_list<std::int64_t> values) { assign({values.begin(), values.size()}); }
  explicit Axes(std::span<const std::int64_t> values) { assign(values); }

  std::size_t rank() const noexcept { return spilled_.empty() ? rank_ : spilled_.size(); }
  bool empty() const noexcept { return rank() == 0; }
  bool overlong() const noexcept { return overlong_; }
  std::span<const std::int64_t> values() const noexcept {
    return {spilled_.empty() ? inline_.data() : spilled_.data(), rank()};
  }
  std::span<std::int64_t> values() noexcept { return {spilled_.empty() ? inline_.data() : spilled_.data(), rank()}; }
  /// `axis` < rank(): the caller has checked.
  std::int64_t operator[](std::size_t axis) const noexcept { return values()[axis]; }
  std::int64_t& operator[](std::size_t axis) noexcept { return values()[axis]; }
  auto begin() const noexcept { return values().begin(); }
  auto end() const noexcept { return values().end(); }

  void append(std::int64_t value) {
    if (rank() == kMaxRank) {
      *this = Axes{};
      overlong_ = true;
    }
    if (overlong_) return;
    if (spilled_.empty() && rank_ < kInline) {
      inline_[rank_++] = value;
      return;
    }
    if (spilled_.empty()) {
      spilled_.assign(inline_.begin(), inline_.end());
      rank_ = 0;
    }
    spilled_.push_back(value);
  }

  friend bool operator==(const Axes& a, const Axes& b) noexcept {
    return a.overlong_ == b.overlong_ && std::ranges::equal(a.values(), b.values());
  }

 private:
  static constexpr std::size_t kInline = 6;

  void assign(std::span<const std::int64_t> values) {
    for (std::int64_t value : values) append(value);
  }

  std::array<std::int64_t, kInline> inline_{};
  std::vector<std::int64_t> spilled_;  // all of them when there are more than kInline; so a moved-from object has none
  std::uint8_t rank_ = 0;              // of inline_
  bool overlong_ = false;
};

}  // namespace weft::detail
