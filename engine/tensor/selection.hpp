#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include <weft/base/limits.hpp>
#include <weft/base/result.hpp>
#include <weft/tensor/slice.hpp>
#include <weft/tensor/tensor_meta.hpp>

namespace weft {

/// `count` consecutive indices along the axis that rows are counted on.
struct RowRun {
  std::uint64_t start = 0, count = 0;
};

/// Where the bytes of a part of a tensor lie in the tensor's memory. The part has one canonical order, dense and
/// row-major, bytes 0 … bytes(); the memory holds it as runs, in that order, merged as far as the strides let them.
/// The same class serves both ends: a source is read run by run, a strided destination is written run by run.
///
/// Invariant: every run lies inside [0, source_extent()) of the memory. The caller checks that extent against the
/// memory once; nothing after that can leave it. Immutable: any thread may read it. Only `make…` and `whole` allocate.
///
/// An odd number of 4-bit elements ends in half a byte, whose other half travels as the memory has it.
///
/// Errors of the makers: InvalidArgument for a meta that does not validate, a slice or rows outside it, or a cut
/// through a byte of 4-bit elements; Unsupported for negative strides.
class Selection {
 public:
  static Result<Selection> whole(const TensorMeta& meta);
  static Result<Selection> make(const TensorMeta& meta, const Slice& slice);
  /// Rows along `axis`, in the order given; a row may come twice. Runs that touch become one. A negative axis counts
  /// from the last.
  static Result<Selection> make_rows(const TensorMeta& meta, int axis, std::span<const RowRun> runs);
  static Result<Selection> make_rows(const TensorMeta& meta, int axis, std::span<const std::uint32_t> indices);

  /// The dense result: its shape, no strides; dtype and the rest as the tensor's.
  const TensorMeta& meta() const noexcept { return meta_; }
  std::uint64_t bytes() const noexcept { return bytes_; }
  /// One past the highest byte of the memory that belongs to the selection; 0 when it is empty.
  std::uint64_t source_extent() const noexcept { return extent_; }
  /// The lowest byte of the memory that belongs to it. O(runs of rows).
  std::uint64_t source_begin() const noexcept;
  std::uint64_t run_count() const noexcept { return run_count_; }
  /// Bytes of every run; of the shortest where rows of different counts make runs of different lengths (!uniform()).
  /// 0 when it is empty.
  std::uint64_t run_bytes() const noexcept { return run_bytes_; }
  bool uniform() const noexcept { return uniform_; }
  /// At most one run: the bytes lie in the memory as they travel, from run_offset(0).
  bool contiguous() const noexcept { return run_count_ <= 1; }

  struct Run {
    std::uint64_t source_offset = 0;  ///< in the memory
    std::uint64_t dense_offset = 0;   ///< in the canonical order
    std::uint64_t length = 0;
    bool operator==(const Run&) const = default;
  };
  /// The k-th run, k < run_count(). O(rank + log rows), no allocation.
  Run run(std::uint64_t k) const noexcept;
  std::uint64_t run_offset(std::uint64_t k) const noexcept { return run(k).source_offset; }

  /// Calls `callback(source_offset, dense_offset, length)` for the runs that cover bytes [dense_offset, dense_offset +
  /// length) of the canonical order, cut to it, in order; bytes past the end are left out. A callback that returns
  /// bool stops the walk with false (that run counts as walked). Returns the bytes walked. O(rank + log rows) to
  /// start, then a few instructions a run; no allocation.
  template <std::invocable<std::uint64_t, std::uint64_t, std::uint64_t> Callback>
  std::uint64_t for_each(std::uint64_t dense_offset, std::uint64_t length, Callback&& callback) const;

 private:
  // A level of the nest over which runs repeat: `count` times, `stride` bytes apart in the memory.
  struct Loop {
    std::uint64_t count = 0, stride = 0;
  };
  // Consecutive rows; `first` of them, in the order of the selection, come before.
  struct Rows {
    std::uint64_t start = 0, count = 0, first = 0;
  };
  // A place in the walk: the run of `length` bytes at `source`.
  struct Cursor {
    std::uint64_t source = 0, length = 0;
    std::uint64_t rows = 0, row = 0;            // which of rows_, and (unless fused_) which of its rows
    std::array<std::uint64_t, kMaxRank> index;  // of the loops, the first loops_.size() of them
  };
  class Builder;

  Selection() = default;
  Cursor seek(std::uint64_t run) const noexcept;
  std::uint64_t dense_offset_of(std::uint64_t run) const noexcept;
  std::uint64_t run_at(std::uint64_t dense_offset) const noexcept;
  std::size_t rows_at(std::uint64_t row) const noexcept;
  void advance(Cursor& at) const noexcept;
  bool advance_loops(Cursor& at, std::size_t first, std::size_t last) const noexcept;
  bool advance_rows(Cursor& at) const noexcept;

  TensorMeta meta_;
  std::uint64_t bytes_ = 0, extent_ = 0, run_count_ = 0, run_bytes_ = 0;
  std::uint64_t base_ = 0;   // byte of the first run, rows left out
  std::vector<Loop> loops_;  // outermost first; empty when contiguous
  // A list of rows is one more level, between loops_[outer_loops_ - 1] and loops_[outer_loops_]. When a row is one run
  // and rows touch in memory, each of rows_ is a run itself (fused_), and there are no loops inside it.
  std::vector<Rows> rows_;
  std::uint64_t row_stride_ = 0, row_bytes_ = 0, row_total_ = 0;
  std::uint64_t inner_runs_ = 1;  // runs of one row (1 when fused_)
  std::size_t outer_loops_ = 0;
  bool fused_ = false, uniform_ = true;
};

template <std::invocable<std::uint64_t, std::uint64_t, std::uint64_t> Callback>
std::uint64_t Selection::for_each(std::uint64_t dense_offset, std::uint64_t length, Callback&& callback) const {
  if (dense_offset >= bytes_ || length == 0) return 0;
  if (length > bytes_ - dense_offset) length = bytes_ - dense_offset;
  const std::uint64_t first = run_at(dense_offset);
  std::uint64_t skipped = dense_offset - dense_offset_of(first);
  Cursor at = seek(first);
  for (std::uint64_t walked = 0;;) {
    const std::uint64_t left = at.length - skipped;
    const std::uint64_t part = left < length - walked ? left : length - walked;
    if constexpr (std::is_same_v<std::invoke_result_t<Callback&, std::uint64_t, std::uint64_t, std::uint64_t>, bool>) {
      if (!callback(at.source + skipped, dense_offset + walked, part)) return walked + part;
    } else {
      callback(at.source + skipped, dense_offset + walked, part);
    }
    walked += part;
    if (walked == length) return walked;
    advance(at);
    skipped = 0;
  }
}

}  // namespace weft
