#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/nodes/node_state.hpp>
#include <weft/wire/digest.hpp>

/// A node's own ticket is served locally: nothing travels, the rules are the same.
namespace weft::detail {
namespace {

Result<Selection> select(const transfer::Entry& entry, const transfer::PartSpec* part) {
  if (part == nullptr || part->kind == wire::PartKind::kWhole) return *entry.whole;
  if (part->kind == wire::PartKind::kSlice) {
    std::vector<Range> ranges;
    ranges.reserve(part->ranges.size());
    for (const wire::RangeSpec& r : part->ranges) ranges.push_back({.start = r.start, .stop = r.stop, .step = r.step});
    return Selection::make(entry.meta, Slice::of(ranges));
  }
  return Selection::make_rows(entry.meta, static_cast<int>(part->axis), part->indices);
}

Result<void> copy_out(const transfer::Entry& entry, const Selection& selection, std::byte* to) {
  Result<void> result;
  selection.for_each(0, selection.bytes(), [&](std::uint64_t at, std::uint64_t dense, std::uint64_t length) {
    if (entry.data != nullptr) {
      std::memcpy(to + dense, entry.data + at, length);
      return true;
    }
    for (std::uint64_t done = 0; done < length;) {
      const ssize_t got = ::pread(entry.file->fd.get(), to + dense + done, length - done,
                                  static_cast<off_t>(entry.file_offset + at + done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        result = got == 0
                     ? fail(ErrorClass::kMalformed, "read", entry.file->path + " is shorter than when it was served")
                     : fail_errno(errno, "read", entry.file->path);
        return false;
      }
      done += static_cast<std::uint64_t>(got);
    }
    return true;
  });
  return result;
}

Digest digest_of(const std::byte* data, std::uint64_t bytes, Generation generation) {
  std::vector<std::uint64_t> leaves;
  for (std::uint64_t at = 0; at < bytes; at += kLeafBytes)
    leaves.push_back(wire::leaf_of({data + at, static_cast<std::size_t>(std::min(kLeafBytes, bytes - at))}));
  return wire::root_of(bytes, generation, leaves);
}

}  // namespace

Result<Tensor> NodeState::get_local(const transfer::EntryRef& entry, const transfer::PartSpec* part,
                                    const transfer::Into* into, const MutableTensorView& view) {
  WEFT_LET(const Selection selection, select(*entry, part));
  std::shared_ptr<std::byte[]> bytes(new (std::nothrow) std::byte[std::max<std::uint64_t>(1, selection.bytes())]);
  if (!bytes)
    return fail(Error(ErrorClass::kResourceExhausted, "get", "no memory for " + human_bytes(selection.bytes()))
                    .with_name(entry->name)
                    .with_hint("ask for a slice"));
  WEFT_TRY(copy_out(*entry, selection, bytes.get()));
  Tensor::Parts parts{.lease = bytes,
                      .name = entry->name,
                      .generation = entry->generation,
                      .digest = digest_of(bytes.get(), selection.bytes(), entry->generation),
                      .lane = Lane::kLocal,
                      .from = id(),
                      .index = entry->index,
                      .incarnation = incarnation_};
  if (into == nullptr || into->data == nullptr) {
    WEFT_LET(parts.view, TensorView::make(selection.meta(), bytes.get()));
    return Tensor(std::move(parts));
  }
  const TensorMeta& meta = selection.meta();
  const bool typed = into->meta.dtype != DType::kOpaque && meta.dtype != DType::kOpaque;
  const std::uint64_t room = into->selection ? into->selection->bytes() : into->size;
  if ((typed && (into->meta.dtype != meta.dtype || into->meta.shape != meta.shape)) ||
      (into->selection ? room != selection.bytes() : room < selection.bytes()))
    return fail(Error(ErrorClass::kInvalidArgument, "get",
                      fmt::format("\"{}\" is {} {} ({}), `into` is {} {} ({})", escaped(entry->name),
                                  to_string(meta.dtype), meta.shape.to_string(), human_bytes(selection.bytes()),
                                  to_string(into->meta.dtype), into->meta.shape.to_string(), human_bytes(room)))
                    .with_hint("give a destination of that type and shape")
                    .with_name(entry->name));
  if (!into->selection) {
    std::memcpy(into->data, bytes.get(), selection.bytes());
  } else {
    into->selection->for_each(0, selection.bytes(), [&](std::uint64_t at, std::uint64_t dense, std::uint64_t length) {
      std::memcpy(into->data + at, bytes.get() + dense, length);
    });
  }
  parts.view = view;
  if (!into->selection) {
    WEFT_LET(parts.view, TensorView::make(meta, into->data));
  }
  parts.lease.reset();
  return Tensor(std::move(parts));
}

std::vector<Result<Tensor>> NodeState::get_many_local(const transfer::PullSpec& spec,
                                                      const std::vector<MutableTensorView>& into) {
  const auto snapshot = catalog_.snapshot();
  std::vector<Result<Tensor>> all;
  const std::size_t items = std::max(spec.names.size(), spec.handles.size());
  for (std::size_t i = 0; i < items; ++i) {
    const auto entry = spec.names.empty() ? snapshot->find(spec.handles[i].index) : snapshot->find(spec.names[i]);
    if (!spec.names.empty() && !entry) {
      all.push_back(
          fail(Error(ErrorClass::kNotFound, "get", fmt::format("no tensor named \"{}\"", escaped(spec.names[i])))
                   .with_name(spec.names[i])));
      continue;
    }
    const bool stale = spec.names.empty() && (!entry || entry->generation != spec.handles[i].generation ||
                                              spec.handles[i].incarnation != incarnation_);
    const auto& rule = spec.generation;
    if (stale || (rule.kind == wire::GenerationRuleKind::kExactly && entry->generation != rule.generation)) {
      all.push_back(fail(Error(ErrorClass::kStale, "get", "that generation is gone")));
      continue;
    }
    if ((rule.kind == wire::GenerationRuleKind::kNewerThan && entry->generation <= rule.generation) ||
        (rule.kind == wire::GenerationRuleKind::kAtLeast && entry->generation < rule.generation)) {
      all.push_back(fail(Error(ErrorClass::kNotFound, "get", "no such generation yet").with_name(entry->name)));
      continue;
    }
    const auto* part = spec.parts.empty() ? nullptr : &spec.parts[spec.parts.size() == 1 ? 0 : i];
    all.push_back(get_local(entry, part, i < spec.into.size() ? &spec.into[i] : nullptr,
                            i < into.size() ? into[i] : MutableTensorView{}));
  }
  return all;
}

}  // namespace weft::detail
