#include <weft/nodes/requests.hpp>

#include <utility>

#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/nodes/node_state.hpp>

namespace weft::detail {
namespace {

std::unexpected<Error> refuse(std::string message, std::string hint) {
  return fail(Error(ErrorClass::kInvalidArgument, "get", std::move(message)).with_hint(std::move(hint)));
}

wire::GenerationRule rule_of(const GenerationRule& rule) {
  return {.kind = static_cast<wire::GenerationRuleKind>(rule.kind), .generation = rule.generation};
}

Result<transfer::PartSpec> part_of(const Slice& slice) {
  if (slice.ranges().size() > kMaxRank)
    return refuse(fmt::format("a slice of {} ranges", slice.ranges().size()),
                  fmt::format("a tensor has at most {} axes", kMaxRank));
  transfer::PartSpec part{.kind = wire::PartKind::kSlice};
  for (const Range& range : slice.ranges())
    part.ranges.push_back({.start = range.start, .stop = range.stop, .step = range.step});
  return part;
}

/// The axis counted from the first. `into` is what tells how many there are.
Result<std::uint32_t> axis_of(const Pages& pages, const MutableTensorView& into) {
  int axis = pages.axis;
  if (axis < 0) {
    if (!into.given())
      return refuse(
          fmt::format("`pages.axis` {} counts from the last axis, and nothing here tells how many there are", axis),
          "count it from the first axis, or give `into`");
    axis += static_cast<int>(into.meta().shape.rank());
  }
  if (axis < 0 || axis >= static_cast<int>(kMaxRank))
    return refuse(fmt::format("there is no axis {}", pages.axis), fmt::format("a tensor has at most {}", kMaxRank));
  return static_cast<std::uint32_t>(axis);
}

Result<void> check_pages(const Pages& pages) {
  if (pages.source.size() > kMaxBatchItems)
    return refuse(fmt::format("`pages` names {} pages", pages.source.size()),
                  fmt::format("at most {} a call: ask in several", kMaxBatchItems));
  if (pages.target.given() && pages.target.size() != pages.source.size())
    return refuse(
        fmt::format("`pages` names {} pages to read and {} to write", pages.source.size(), pages.target.size()),
        "source[i] lands in target[i]: as many of both");
  return {};
}

/// What one item leaves of it: a slice and pages exclude each other, and pages are put into something.
Result<void> check_place(const Slice& slice, const Pages& pages, const MutableTensorView& into) {
  if (!slice.empty() && pages.given()) return refuse("a slice and pages at once", "ask for either");
  if (pages.target.given() && !into.given())
    return refuse("`pages.target` without `into`", "give the tensor that the pages land in, or no target");
  return {};
}

Result<transfer::PartSpec> part_of(const Pages& pages, const MutableTensorView& into) {
  transfer::PartSpec part{.kind = wire::PartKind::kRowIndices, .indices = {pages.source.begin(), pages.source.end()}};
  WEFT_LET(part.axis, axis_of(pages, into));
  return part;
}

/// The caller's memory as the core takes it: dense, strided, or the pages of it that are named.
Result<transfer::Into> into_of(const MutableTensorView& view, const Pages& pages) {
  WEFT_TRY(view.check());
  if (!view.device().is_host())
    return fail(ErrorClass::kUnsupported, "get",
                "`into` is on " + view.device().to_string() + "; only host memory is written yet");
  transfer::Into into{.data = static_cast<std::byte*>(view.data()),
                      .size = static_cast<std::size_t>(view.extent_bytes()),
                      .meta = view.meta()};
  into.meta.strides = {};
  if (pages.target.given()) {
    WEFT_LET(into.selection,
             Selection::make_rows(view.meta(), pages.axis, std::span<const std::uint32_t>(pages.target)));
    into.meta = into.selection->meta();
    return into;
  }
  if (!view.meta().strides.empty()) {
    WEFT_LET(into.selection, Selection::whole(view.meta()));
    if (into.selection->contiguous()) into.selection.reset();
  }
  return into;
}

template <class Options>
transfer::PullSpec spec_of(const Options& options) {
  return {.generation = rule_of(options.generation),
          .bound = {options.deadline.resolve(Clock::now())},
          .lane = options.lane,
          .verify = options.verify == Verify::kLane ? wire::Verify::kLane : wire::Verify::kPieces,
          .trace = options.trace.traceparent};
}

/// One item on its own, appended to the batch; untouched when it is refused.
Result<void> add(Batch& batch, GetItem& item, const BatchOptions& options) {
  WEFT_TRY(check_name(item.name));
  WEFT_TRY(check_place(item.slice, options.pages, item.into));
  auto& spec = batch.spec;
  std::optional<transfer::PartSpec> slice;
  if (!item.slice.empty()) {
    WEFT_LET(slice, part_of(item.slice));
  }
  std::optional<std::uint32_t> axis;
  if (options.pages.given()) {
    WEFT_LET(axis, axis_of(options.pages, item.into));
    if (!spec.parts.empty() && spec.parts.front().axis != *axis)
      return refuse("its `into` has another number of axes than those before it", "count `pages.axis` from the first");
  }
  std::optional<transfer::Into> place;
  if (item.into.given()) {
    WEFT_LET(place, into_of(item.into, options.pages));
  }
  if (axis && spec.parts.empty()) {
    WEFT_LET(auto part, part_of(options.pages, item.into));
    spec.parts.push_back(std::move(part));
  }
  spec.names.push_back(std::move(item.name));
  if (slice) {
    spec.parts.resize(spec.names.size());
    spec.parts.back() = std::move(*slice);
  }
  if (place) {
    spec.into.resize(spec.names.size());
    batch.into.resize(spec.names.size());
    spec.into.back() = std::move(*place);
    batch.into.back() = std::move(item.into);
  }
  return {};
}

}  // namespace

Result<void> check_pattern(std::string_view pattern) {
  if (pattern.size() <= kMaxNameBytes && is_clean_utf8(pattern)) return {};
  return fail(Error(ErrorClass::kInvalidArgument, "list",
                    fmt::format("\"{}\" matches no name there can be", escaped(pattern.substr(0, 64))))
                  .with_hint(fmt::format("at most {} bytes of UTF-8 without NUL", kMaxNameBytes)));
}

Result<void> check_trace(const TraceContext& trace) {
  if (trace.traceparent.size() <= kMaxNameBytes && is_clean_utf8(trace.traceparent)) return {};
  return fail(Error(ErrorClass::kInvalidArgument, "trace", "that is no traceparent")
                  .with_hint("W3C's form: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
}

Result<transfer::PullSpec> pull_of(const GetOptions& options) {
  WEFT_TRY(check_trace(options.trace));
  if (!options.device.is_host())
    return fail(ErrorClass::kUnsupported, "get",
                "landings on " + options.device.to_string() + " are not there yet; only host memory is");
  WEFT_TRY(check_pages(options.pages));
  WEFT_TRY(check_place(options.slice, options.pages, options.into));
  auto spec = spec_of(options);
  if (!options.slice.empty()) {
    WEFT_LET(auto part, part_of(options.slice));
    spec.parts.push_back(std::move(part));
  }
  if (options.pages.given()) {
    WEFT_LET(auto part, part_of(options.pages, options.into));
    spec.parts.push_back(std::move(part));
  }
  if (options.into.given()) {
    WEFT_LET(auto into, into_of(options.into, options.pages));
    spec.into.push_back(std::move(into));
  }
  return spec;
}

Result<Selection> known_part(const TensorMeta& meta, const GetOptions& options) {
  const bool paged = options.pages.given();
  Result<Selection> part = !options.slice.empty() ? Selection::make(meta, options.slice)
                           : paged                ? Selection::make_rows(meta, options.pages.axis, options.pages.source)
                                                  : Selection::whole(meta);
  if (!part || !options.into.given() || paged) return part;
  const TensorMeta& into = options.into.meta();
  const bool typed = into.dtype != DType::kOpaque && meta.dtype != DType::kOpaque;
  if (typed && (into.dtype != meta.dtype || into.shape != part->meta().shape))
    return refuse("`into` is of another type or shape than the tensor", "give a destination of that type and shape");
  return part;
}

Result<Batch> batch_of(std::vector<GetItem> items, const BatchOptions& options) {
  WEFT_TRY(check_trace(options.trace));
  WEFT_TRY(check_pages(options.pages));
  if (items.size() > kMaxBatchItems)
    return fail(Error(ErrorClass::kInvalidArgument, "get_many", fmt::format("more than {} items", kMaxBatchItems))
                    .with_hint("ask in several batches"));
  Batch batch{.spec = spec_of(options)};
  for (std::size_t at = 0; at < items.size(); ++at) {
    auto added = add(batch, items[at], options);
    if (added) continue;
    batch.refused.resize(items.size());
    batch.refused[at] = std::move(added).error().with_name(std::move(items[at].name));
  }
  auto& spec = batch.spec;
  if (!spec.into.empty()) {
    spec.into.resize(spec.names.size());
    batch.into.resize(spec.names.size());
  }
  if (!spec.parts.empty() && !options.pages.given()) spec.parts.resize(spec.names.size());
  return batch;
}

std::vector<Result<Tensor>> merged(std::vector<Result<Tensor>> got, std::vector<std::optional<Error>> refused) {
  if (refused.empty()) return got;
  std::vector<Result<Tensor>> all;
  all.reserve(refused.size());
  std::size_t next = 0;
  for (auto& error : refused) {
    if (error)
      all.push_back(fail(std::move(*error)));
    else
      all.push_back(std::move(got[next++]));
  }
  return all;
}

}  // namespace weft::detail
