#include <weft/base/checked.hpp>
#include <weft/wire/decode.hpp>

namespace weft::wire::detail {
namespace {

std::span<const std::string_view> read_names(capnp::List<capnp::Text>::Reader from, Reading& reading) {
  reading.require(from.size() <= kMaxBatchItems, "names", "too many");
  std::span<std::string_view> names = take<std::string_view>(from.size(), "names", reading);
  for (unsigned i = 0; i < names.size(); ++i) names[i] = read_text(from[i], kMaxNameBytes, "names", reading);
  return names;
}

What read(schema::What::Reader from, Reading& reading) {
  What what;
  switch (from.which()) {
    case schema::What::NAMES:
      what.kind = WhatKind::kNames;
      what.names = read_names(from.getNames(), reading);
      return what;
    case schema::What::HANDLES:
      what.kind = WhatKind::kHandles;
      what.handles = read_records<Handle>(from.getHandles(), kMaxBatchItems, "handles", reading);
      return what;
    case schema::What::ENTRIES: {
      const auto entries = from.getEntries();
      what.kind = WhatKind::kEntries;
      what.pattern = read_text(entries.getPattern(), kMaxNameBytes, "pattern", reading);
      what.after = read_text(entries.getAfter(), kMaxNameBytes, "after", reading);
      what.limit = entries.getLimit();
      return what;
    }
  }
  reading.refuse("what", "no such kind");
  return what;
}

Part read(schema::Part::Reader from, Reading& reading) {
  Part part;
  switch (from.which()) {
    case schema::Part::WHOLE:
      return part;
    case schema::Part::SLICE:
      part.kind = PartKind::kSlice;
      part.ranges = read_records<RangeSpec>(from.getSlice(), kMaxRank, "slice", reading);
      return part;
    case schema::Part::ROW_RUNS: {
      const auto rows = from.getRowRuns();
      part.kind = PartKind::kRowRuns;
      part.axis = rows.getAxis();
      reading.require(part.axis < kMaxRank, "axis", "above the limit");
      part.runs = read_records<RunSpec>(rows.getRuns(), kMaxBatchItems, "runs", reading);
      for (const RunSpec& run : part.runs)
        reading.require(checked_add(run.start, run.count).has_value(), "runs", "end past 2^64");
      return part;
    }
    case schema::Part::ROW_INDICES: {
      const auto rows = from.getRowIndices();
      part.kind = PartKind::kRowIndices;
      part.axis = rows.getAxis();
      reading.require(part.axis < kMaxRank, "axis", "above the limit");
      part.indices = read_records<std::uint32_t>(rows.getIndices(), kMaxBatchItems, "indices", reading);
      return part;
    }
  }
  reading.refuse("part", "no such kind");
  return part;
}

std::size_t items(const What& what) {
  switch (what.kind) {
    case WhatKind::kNames:
      return what.names.size();
    case WhatKind::kHandles:
      return what.handles.size();
    case WhatKind::kEntries:
      return 0;
  }
  return 0;
}

}  // namespace

Request read(schema::Request::Reader from, Reading& reading) {
  Request request;
  request.sequence = from.getSequence();
  request.deadline_ns = from.getDeadlineNs();
  request.inline_max = from.getInlineMax();
  request.generation.kind = read_enum<GenerationRuleKind>(from.getRule(), "rule", reading);
  request.generation.generation.value = from.getGeneration();
  request.what = read(from.getWhat(), reading);

  const auto list = from.getParts();
  reading.require(list.size() <= 1 || list.size() == items(request.what), "parts", "neither one nor one per item");
  std::span<Part> parts = take<Part>(list.size(), "parts", reading);
  for (unsigned i = 0; i < parts.size(); ++i) parts[i] = read(list[i], reading);
  request.parts = parts;

  request.verify = read_enum<Verify>(from.getVerify(), "verify", reading);
  request.expected_bytes = from.getExpectedBytes();
  reading.require(request.expected_bytes <= kMaxTensorBytes, "expectedBytes", "above the limit");
  request.has_grant = from.hasGrant();
  if (request.has_grant) {
    request.grant = read(from.getGrant(), reading);
    request.grant.transfer = {.sequence = request.sequence, .opened_by_sender = true};
  }
  request.trace = read_text(from.getTrace(), kMaxNameBytes, "trace", reading);
  return request;
}

}  // namespace weft::wire::detail
