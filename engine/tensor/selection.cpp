#include <algorithm>

#include <weft/tensor/selection.hpp>

namespace weft {

Selection::Run Selection::run(std::uint64_t k) const noexcept {
  const Cursor at = seek(k);
  return {.source_offset = at.source, .dense_offset = dense_offset_of(k), .length = at.length};
}

std::uint64_t Selection::dense_offset_of(std::uint64_t k) const noexcept {
  if (uniform_) return k * run_bytes_;
  return (k / rows_.size() * row_total_ + rows_[k % rows_.size()].first) * row_bytes_;
}

std::uint64_t Selection::run_at(std::uint64_t dense_offset) const noexcept {
  if (uniform_) return dense_offset / run_bytes_;
  const std::uint64_t row = dense_offset / row_bytes_;
  return row / row_total_ * rows_.size() + rows_at(row % row_total_);
}

std::size_t Selection::rows_at(std::uint64_t row) const noexcept {
  const auto after = std::ranges::upper_bound(rows_, row, {}, &Rows::first);
  return static_cast<std::size_t>(after - rows_.begin()) - 1;
}

std::uint64_t Selection::source_begin() const noexcept {
  if (bytes_ == 0 || rows_.empty()) return bytes_ == 0 ? 0 : base_;
  const auto lowest = std::ranges::min_element(rows_, {}, &Rows::start);
  return base_ + lowest->start * row_stride_;
}

Selection::Cursor Selection::seek(std::uint64_t k) const noexcept {
  Cursor at;
  at.source = base_;
  at.length = run_bytes_;
  std::uint64_t rest = k;
  const auto take = [&](std::uint64_t count) {
    const std::uint64_t digit = rest % count;
    rest /= count;
    return digit;
  };
  const auto unwind = [&](std::size_t first, std::size_t last) {
    for (std::size_t loop = last; loop-- > first;) {
      at.index[loop] = take(loops_[loop].count);
      at.source += at.index[loop] * loops_[loop].stride;
    }
  };
  unwind(outer_loops_, loops_.size());
  if (fused_) {
    at.rows = take(rows_.size());
    at.length = rows_[at.rows].count * row_bytes_;
    at.source += rows_[at.rows].start * row_stride_;
  } else if (!rows_.empty()) {
    const std::uint64_t row = take(row_total_);
    at.rows = rows_at(row);
    at.row = row - rows_[at.rows].first;
    at.source += (rows_[at.rows].start + at.row) * row_stride_;
  }
  unwind(0, outer_loops_);
  return at;
}

// Steps the innermost loop that has a step left and rewinds those inside it; false when all of them were rewound.
bool Selection::advance_loops(Cursor& at, std::size_t first, std::size_t last) const noexcept {
  for (std::size_t loop = last; loop-- > first;) {
    const Loop& level = loops_[loop];
    if (++at.index[loop] < level.count) {
      at.source += level.stride;
      return true;
    }
    at.index[loop] = 0;
    at.source -= (level.count - 1) * level.stride;
  }
  return false;
}

// Moves to the next row (of fused rows: to the next run of them); false when it went round to the first. Differences
// of unsigned positions wrap and come out right.
bool Selection::advance_rows(Cursor& at) const noexcept {
  const Rows& old = rows_[at.rows];
  if (!fused_ && ++at.row < old.count) {
    at.source += row_stride_;
    return true;
  }
  const std::uint64_t left_at = fused_ ? old.start : old.start + old.count - 1;
  at.row = 0;
  if (++at.rows == rows_.size()) at.rows = 0;
  at.source += (rows_[at.rows].start - left_at) * row_stride_;
  return at.rows != 0;
}

void Selection::advance(Cursor& at) const noexcept {
  const bool stepped = advance_loops(at, outer_loops_, loops_.size()) || (!rows_.empty() && advance_rows(at)) ||
                       advance_loops(at, 0, outer_loops_);
  at.length = fused_ ? rows_[at.rows].count * row_bytes_ : run_bytes_;
  static_cast<void>(stepped);
}

}  // namespace weft
