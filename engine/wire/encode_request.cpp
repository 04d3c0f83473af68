#include <weft/wire/encode.hpp>

namespace weft::wire::detail {
namespace {

std::uint64_t words(const What& what) {
  switch (what.kind) {
    case WhatKind::kNames: {
      std::uint64_t sum = what.names.size();
      for (std::string_view name : what.names) sum += text_words(name);
      return sum;
    }
    case WhatKind::kHandles:
      return record_words(what.handles);
    case WhatKind::kEntries:
      return text_words(what.pattern) + text_words(what.after);
  }
  return 0;
}

void fill(schema::What::Builder into, const What& what) {
  switch (what.kind) {
    case WhatKind::kNames: {
      auto names = into.initNames(static_cast<unsigned>(what.names.size()));
      for (unsigned i = 0; i < names.size(); ++i)
        if (std::string_view name = what.names[i]; !name.empty()) copy_text(names.init(i, name.size()), name);
      break;
    }
    case WhatKind::kHandles:
      copy_records(into.initHandles(what.handles.size() * Record<Handle>::kBytes), what.handles);
      break;
    case WhatKind::kEntries: {
      auto entries = into.initEntries();
      if (!what.pattern.empty()) copy_text(entries.initPattern(what.pattern.size()), what.pattern);
      if (!what.after.empty()) copy_text(entries.initAfter(what.after.size()), what.after);
      entries.setLimit(what.limit);
      break;
    }
  }
}

std::uint64_t words(const Part& part) {
  switch (part.kind) {
    case PartKind::kWhole:
      return 0;
    case PartKind::kSlice:
      return record_words(part.ranges);
    case PartKind::kRowRuns:
      return record_words(part.runs);
    case PartKind::kRowIndices:
      return record_words(part.indices);
  }
  return 0;
}

void fill(schema::Part::Builder into, const Part& part) {
  switch (part.kind) {
    case PartKind::kWhole:
      into.setWhole();
      break;
    case PartKind::kSlice:
      copy_records(into.initSlice(part.ranges.size() * Record<RangeSpec>::kBytes), part.ranges);
      break;
    case PartKind::kRowRuns: {
      auto rows = into.initRowRuns();
      rows.setAxis(part.axis);
      copy_records(rows.initRuns(part.runs.size() * Record<RunSpec>::kBytes), part.runs);
      break;
    }
    case PartKind::kRowIndices: {
      auto rows = into.initRowIndices();
      rows.setAxis(part.axis);
      copy_records(rows.initIndices(part.indices.size() * Record<std::uint32_t>::kBytes), part.indices);
      break;
    }
  }
}

}  // namespace

std::uint64_t words(const Request& request) {
  std::uint64_t sum = kStructWords<schema::What> + words(request.what) + text_words(request.trace);
  sum += list_words<schema::Part>(request.parts.size());
  for (const Part& part : request.parts) sum += words(part);
  if (request.has_grant) sum += kStructWords<schema::Grant> + words(request.grant);
  return sum;
}

void fill(schema::Request::Builder into, const Request& request) {
  into.setSequence(request.sequence);
  into.setDeadlineNs(request.deadline_ns);
  into.setInlineMax(request.inline_max);
  into.setRule(as<schema::GenerationRule>(request.generation.kind));
  into.setGeneration(request.generation.generation.value);
  into.setVerify(as<schema::Verify>(request.verify));
  into.setExpectedBytes(request.expected_bytes);
  fill(into.initWhat(), request.what);
  if (!request.parts.empty()) {
    auto parts = into.initParts(static_cast<unsigned>(request.parts.size()));
    for (unsigned i = 0; i < parts.size(); ++i) fill(parts[i], request.parts[i]);
  }
  if (request.has_grant) {
    Grant grant = request.grant;
    grant.transfer = {.sequence = request.sequence, .opened_by_sender = true};
    fill(into.initGrant(), grant);
  }
  if (!request.trace.empty()) copy_text(into.initTrace(request.trace.size()), request.trace);
}

}  // namespace weft::wire::detail
