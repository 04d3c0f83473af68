#include <fmt/format.h>

#include <algorithm>

#include <weft/base/checked.hpp>
#include <weft/tensor/selection.hpp>

namespace weft {
namespace {

std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorClass::kInvalidArgument, "slice", std::move(message));
}

std::unexpected<Error> not_on_a_byte(const TensorMeta& meta) {
  return fail(
      Error{ErrorClass::kInvalidArgument, "slice",
            fmt::format("{} elements of {} would be cut inside a byte", to_string(meta.dtype), meta.shape.to_string())}
          .with_hint("start and end the innermost axis at an even index"));
}

}  // namespace

// Works in bits, so that 4-bit elements need no second path; the bytes are taken at the very end. Nothing overflows:
// validate() has held the reach of the strides under 2^51 elements, and no part reaches further than the whole.
class Selection::Builder {
 public:
  static Result<Selection> slice(const TensorMeta& meta, const Slice& slice);
  template <class ForEachRun>
  static Result<Selection> rows(const TensorMeta& meta, int axis, const ForEachRun& for_each_run);

 private:
  explicit Builder(const TensorMeta& meta) : source_(meta), element_bits_(bits(meta.dtype)) {
    const Strides dense = meta.strides.empty() ? row_major(meta.shape) : Strides{};
    const Strides& strides = meta.strides.empty() ? dense : meta.strides;
    reach_bits_ = element_bits_;
    for (std::size_t axis = 0; axis < meta.shape.rank(); ++axis) {
      const bool moves = meta.shape[axis] > 1;  // else its stride means nothing, and may be anything
      stride_bits_[axis] = moves ? static_cast<std::uint64_t>(strides[axis]) * element_bits_ : 0;
      if (moves) reach_bits_ += static_cast<std::uint64_t>(meta.shape[axis] - 1) * stride_bits_[axis];
    }
  }

  Result<Selection> opaque(const std::vector<Slice::Axis>& axes);
  Result<Selection> finish_nest(std::span<const Loop> nest, std::uint64_t base_bits);
  Result<void> settle(std::uint64_t base_bits, std::uint64_t run_bits);
  Result<void> collect(Rows rows, std::uint64_t extent);
  Result<bool> set_meta(const Shape& shape);
  std::vector<Loop> levels(std::size_t first, std::size_t last) const;
  static std::uint64_t merge(std::span<const Loop> nest, std::uint64_t run_bits, std::vector<Loop>& loops);

  const TensorMeta& source_;
  std::uint64_t element_bits_;
  std::uint64_t reach_bits_ = 0;  // of the whole tensor in its memory
  std::array<std::uint64_t, kMaxRank> stride_bits_{};
  Selection made_;
};

Result<Selection> Selection::Builder::slice(const TensorMeta& meta, const Slice& slice) {
  WEFT_TRY(meta.validate());
  WEFT_LET(const std::vector<Slice::Axis> axes, slice.resolve(meta.shape));
  Builder builder{meta};
  if (meta.opaque_bytes) return builder.opaque(axes);
  Shape shape;
  for (const Slice::Axis& axis : axes) shape.append(axis.count);
  WEFT_LET(const bool any, builder.set_meta(shape));
  if (!any) return std::move(builder.made_);
  std::vector<Loop> nest;
  std::uint64_t base_bits = 0;
  for (std::size_t axis = 0; axis < axes.size(); ++axis) {
    base_bits += static_cast<std::uint64_t>(axes[axis].start) * builder.stride_bits_[axis];
    if (axes[axis].count > 1)
      nest.push_back({.count = static_cast<std::uint64_t>(axes[axis].count),
                      .stride = static_cast<std::uint64_t>(axes[axis].step) * builder.stride_bits_[axis]});
  }
  return builder.finish_nest(nest, base_bits);
}

template <class ForEachRun>
Result<Selection> Selection::Builder::rows(const TensorMeta& meta, int axis, const ForEachRun& for_each_run) {
  WEFT_TRY(meta.validate());
  const auto rank = static_cast<int>(meta.shape.rank());
  if (axis < -rank || axis >= rank)
    return refuse(fmt::format("there is no axis {} in {}", axis, meta.shape.to_string()));
  if (meta.opaque_bytes) return refuse("opaque bytes of which the shape says nothing have no rows");
  const auto at = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
  const auto extent = static_cast<std::uint64_t>(meta.shape[at]);
  Builder builder{meta};
  Selection& made = builder.made_;
  WEFT_TRY(for_each_run([&](std::uint64_t start, std::uint64_t count) {
    return builder.collect({.start = start, .count = count}, extent);
  }));
  Shape shape = meta.shape;
  shape[at] = static_cast<std::int64_t>(made.row_total_);
  WEFT_LET(const bool any, builder.set_meta(shape));
  if (!any) {
    made.rows_.clear();
    return std::move(made);
  }
  const std::uint64_t row_stride = builder.stride_bits_[at];
  if (made.rows_.size() == 1) {  // a slice, so that it merges with the axes around it
    const Rows only = made.rows_.front();
    made.rows_.clear();
    std::vector<Loop> nest = builder.levels(0, at);
    if (only.count > 1) nest.push_back({.count = only.count, .stride = row_stride});
    std::ranges::copy(builder.levels(at + 1, meta.shape.rank()), std::back_inserter(nest));
    return builder.finish_nest(nest, only.start * row_stride);
  }
  merge(builder.levels(0, at), 0, made.loops_);
  made.outer_loops_ = made.loops_.size();
  std::vector<Loop> inner;
  const std::uint64_t run_bits = merge(builder.levels(at + 1, meta.shape.rank()), builder.element_bits_, inner);
  made.loops_.insert(made.loops_.end(), inner.begin(), inner.end());
  made.fused_ = inner.empty() && row_stride == run_bits;
  made.row_stride_ = row_stride;
  WEFT_TRY(builder.settle(0, run_bits));
  return std::move(made);
}

// Whole or nothing: the shape does not say where its elements lie.
Result<Selection> Selection::Builder::opaque(const std::vector<Slice::Axis>& axes) {
  for (std::size_t axis = 0; axis < axes.size(); ++axis)
    if (axes[axis].count != source_.shape[axis])
      return refuse("a part of opaque bytes of which the shape says nothing");
  made_.meta_ = source_;
  made_.bytes_ = made_.extent_ = made_.run_bytes_ = *source_.opaque_bytes;
  made_.run_count_ = made_.bytes_ > 0 ? 1 : 0;
  return std::move(made_);
}

Result<void> Selection::Builder::collect(Rows rows, std::uint64_t extent) {
  if (!within(rows.start, rows.count, extent))
    return refuse(fmt::format("{} rows from {} on, of an axis of {}", rows.count, rows.start, extent));
  if (rows.count == 0) return {};
  rows.first = made_.row_total_;
  const auto total = checked_add(made_.row_total_, rows.count);
  if (!total || *total > kMaxTensorBytes * 8) return refuse("too many rows");
  made_.row_total_ = *total;
  if (!made_.rows_.empty() && made_.rows_.back().start + made_.rows_.back().count == rows.start)
    made_.rows_.back().count += rows.count;
  else
    made_.rows_.push_back(rows);
  return {};
}

// The dense result; false when it holds no byte, and nothing remains to be done.
Result<bool> Selection::Builder::set_meta(const Shape& shape) {
  made_.meta_ = source_;
  made_.meta_.shape = shape;
  made_.meta_.strides = {};
  WEFT_LET(made_.bytes_, made_.meta_.byte_size());
  return made_.bytes_ > 0;
}

std::vector<Selection::Loop> Selection::Builder::levels(std::size_t first, std::size_t last) const {
  std::vector<Loop> nest;
  for (std::size_t axis = first; axis < last; ++axis)
    if (source_.shape[axis] > 1)
      nest.push_back({.count = static_cast<std::uint64_t>(source_.shape[axis]), .stride = stride_bits_[axis]});
  return nest;
}

// Folds what touches: levels into the run while they continue it, then levels into each other. `run_bits` is that of
// one step inside the nest, 0 where no run may grow. Appends the loops that remain, outermost first.
std::uint64_t Selection::Builder::merge(std::span<const Loop> nest, std::uint64_t run_bits, std::vector<Loop>& loops) {
  const std::size_t before = loops.size();
  for (std::size_t level = nest.size(); level-- > 0;) {
    const Loop& next = nest[level];
    if (loops.size() == before && run_bits != 0 && next.stride == run_bits)
      run_bits *= next.count;
    else if (loops.size() > before && next.stride == loops.back().stride * loops.back().count)
      loops.back().count *= next.count;
    else
      loops.push_back(next);
  }
  std::reverse(loops.begin() + static_cast<std::ptrdiff_t>(before), loops.end());
  return run_bits;
}

Result<Selection> Selection::Builder::finish_nest(std::span<const Loop> nest, std::uint64_t base_bits) {
  const std::uint64_t run_bits = merge(nest, element_bits_, made_.loops_);
  WEFT_TRY(settle(base_bits, run_bits));
  return std::move(made_);
}

// From bits to bytes, and the figures that follow from the nest.
Result<void> Selection::Builder::settle(std::uint64_t base_bits, std::uint64_t run_bits) {
  const bool single = made_.loops_.empty() && made_.rows_.empty();
  // An odd number of 4-bit elements fills its last byte only where the tensor itself ends.
  const bool ends_on_a_byte = run_bits % 8 == 0 || (single && base_bits + run_bits == reach_bits_);
  bool on_bytes = base_bits % 8 == 0 && ends_on_a_byte && made_.row_stride_ % 8 == 0;
  std::uint64_t last = base_bits, loop_runs = 1;
  for (std::size_t loop = 0; loop < made_.loops_.size(); ++loop) {
    Loop& level = made_.loops_[loop];
    on_bytes = on_bytes && level.stride % 8 == 0;
    last += (level.count - 1) * level.stride;
    loop_runs *= level.count;
    if (loop >= made_.outer_loops_) made_.inner_runs_ *= level.count;
    level.stride /= 8;
  }
  std::uint64_t last_row = 0, shortest = made_.rows_.empty() ? 1 : made_.rows_.front().count;
  for (const Rows& rows : made_.rows_) {
    last_row = std::max(last_row, rows.start + rows.count - 1);
    made_.uniform_ = made_.uniform_ && (!made_.fused_ || rows.count == made_.rows_.front().count);
    shortest = std::min(shortest, rows.count);
  }
  if (!on_bytes) return not_on_a_byte(source_);
  last += last_row * made_.row_stride_;
  made_.base_ = base_bits / 8;
  made_.row_stride_ /= 8;
  made_.row_bytes_ = made_.inner_runs_ * (run_bits / 8);
  made_.run_bytes_ = made_.fused_ ? shortest * made_.row_bytes_ : (run_bits + 7) / 8;
  made_.extent_ = (last + run_bits + 7) / 8;
  made_.run_count_ = loop_runs;
  if (!made_.rows_.empty()) made_.run_count_ *= made_.fused_ ? made_.rows_.size() : made_.row_total_;
  return {};
}

Result<Selection> Selection::whole(const TensorMeta& meta) { return Builder::slice(meta, Slice{}); }

Result<Selection> Selection::make(const TensorMeta& meta, const Slice& slice) { return Builder::slice(meta, slice); }

Result<Selection> Selection::make_rows(const TensorMeta& meta, int axis, std::span<const RowRun> runs) {
  return Builder::rows(meta, axis, [&](auto&& add) -> Result<void> {
    for (const RowRun& run : runs) WEFT_TRY(add(run.start, run.count));
    return {};
  });
}

Result<Selection> Selection::make_rows(const TensorMeta& meta, int axis, std::span<const std::uint32_t> indices) {
  return Builder::rows(meta, axis, [&](auto&& add) -> Result<void> {
    for (std::uint32_t index : indices) WEFT_TRY(add(index, 1));
    return {};
  });
}

}  // namespace weft
