#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/transfer/core_impl.hpp>
#include <weft/wire/digest.hpp>

/// What peers ask of this node: requests answered from one catalog snapshot.
namespace weft::transfer {

void Core::Impl::answer_failure(Session& s, wire::TransferRef ref, const Error& error, TimePoint now) {
  send(s,
       wire::Failure{.transfer = ref,
                     .error = error.kind(),
                     .native = error.native_code(),
                     .text = error.message().substr(0, kMaxErrorTextBytes),
                     .hint = error.own_hint().substr(0, kMaxErrorTextBytes)},
       now);
}

/// What it borrows stays until answers_ and attributes_ are cleared.
void Core::Impl::fill_answer(const SourceItem& item, wire::EntryAnswer& answer) {
  const TensorMeta& meta = item.part ? item.part->meta() : item.entry->whole->meta();
  answer.ok = true;
  answer.handle = {.index = item.entry->index, .generation = item.entry->generation};
  answer.dtype = meta.dtype;
  answer.opaque_type = item.entry->meta.opaque_type;
  answer.requires_grad = item.entry->meta.requires_grad;
  answer.shape = meta.shape.values();
  answer.bytes = item.selection().bytes();
  if (const Attributes& told = item.entry->meta.attributes; !told.empty()) {
    auto& attributes = attributes_.emplace_back();
    attributes.reserve(told.size());
    for (const auto& [key, value] : told) attributes.push_back({.key = key, .value = value});
    answer.attributes = attributes;
  }
}

/// Finds item `i` of a request. `ok` says whether; the error is only read when not.
Error Core::Impl::resolve(Session& s, const CatalogSnapshot& catalog, const wire::Request& m, std::size_t i,
                          SourceItem& item, bool& ok) {
  static const Error kNone(ErrorClass::kInternal, "get", "");
  ok = false;
  const bool by_name = m.what.kind == wire::WhatKind::kNames;
  EntryRef entry = by_name ? catalog.find(m.what.names[i]) : catalog.find(m.what.handles[i].index);
  const std::string_view name = by_name ? m.what.names[i] : entry ? std::string_view(entry->name) : std::string_view{};
  if (by_name || entry)
    if (auto allowed = options_.access.allows(s.spec.peer, s.spec.same_host, AccessVerb::kGet, name); !allowed)
      return allowed.error();
  if (!entry) {
    if (!by_name) return Error(ErrorClass::kStale, "get", "nothing has this handle any more");
    return Error(ErrorClass::kNotFound, "get", fmt::format("no tensor named \"{}\"", escaped(name)));
  }
  if (!by_name && entry->generation != m.what.handles[i].generation)
    return Error(
        ErrorClass::kStale, "get",
        fmt::format("generation {} was replaced by {}", m.what.handles[i].generation.value, entry->generation.value));
  const std::uint64_t have = entry->generation.value;
  const std::uint64_t want = m.generation.generation.value;
  switch (m.generation.kind) {
    case wire::GenerationRuleKind::kAny:
      break;
    case wire::GenerationRuleKind::kExactly:
      if (have != want)
        return Error(ErrorClass::kStale, "get", fmt::format("generation {} is gone; {} is here", want, have));
      break;
    case wire::GenerationRuleKind::kNewerThan:
      if (have <= want)
        return Error(ErrorClass::kNotFound, "get", fmt::format("nothing newer than generation {}", want));
      break;
    case wire::GenerationRuleKind::kAtLeast:
      if (have < want)
        return Error(ErrorClass::kNotFound, "get",
                     fmt::format("generation {} is the newest, {} was asked", have, want));
      break;
  }
  item.entry = std::move(entry);
  item.part.reset();
  const wire::Part* part = m.parts.empty() ? nullptr : &m.parts[m.parts.size() == 1 ? 0 : i];
  if (part != nullptr && part->kind != wire::PartKind::kWhole) {
    Result<Selection> selected = weft::fail(ErrorClass::kMalformed, "get", "unknown part");
    switch (part->kind) {
      case wire::PartKind::kSlice: {
        std::vector<Range> ranges;
        for (const wire::RangeSpec& r : part->ranges)
          ranges.push_back({.start = r.start, .stop = r.stop, .step = r.step});
        selected = Selection::make(item.entry->meta, Slice::of(ranges));
        break;
      }
      case wire::PartKind::kRowRuns: {
        std::vector<RowRun> runs;
        for (const wire::RunSpec& r : part->runs) runs.push_back({.start = r.start, .count = r.count});
        selected = Selection::make_rows(item.entry->meta, static_cast<int>(part->axis), runs);
        break;
      }
      case wire::PartKind::kRowIndices:
        selected = Selection::make_rows(item.entry->meta, static_cast<int>(part->axis), part->indices);
        break;
      case wire::PartKind::kWhole:
        break;
    }
    if (!selected) return selected.error();
    item.part = std::move(*selected);
  }
  ok = true;
  return kNone;
}

/// A name that the peer may see and perhaps meant. Looking costs time that others wait for: among a few hundred, and
/// not again at once for the same session.
std::string Core::Impl::suggestion(Session& s, const CatalogSnapshot& catalog, std::string_view name, TimePoint now) {
  constexpr std::size_t kLookedAt = 512;
  if (now < s.no_suggestion_until || catalog.find(name)) return {};
  if (!options_.access.allows(s.spec.peer, s.spec.same_host, AccessVerb::kList, {})) return {};
  s.no_suggestion_until = now + std::chrono::milliseconds(20);
  auto names = catalog.names(kLookedAt);
  std::erase_if(names, [&](const std::string& candidate) {
    return !options_.access.allows(s.spec.peer, s.spec.same_host, AccessVerb::kGet, candidate);
  });
  return std::string(nearest(name, names));
}

void Core::Impl::answer_listing(Session& s, const wire::Request& m, TimePoint now) {
  if (auto allowed = options_.access.allows(s.spec.peer, s.spec.same_host, AccessVerb::kList, {}); !allowed)
    return answer_failure(s, {.sequence = m.sequence, .opened_by_sender = false}, allowed.error(), now);
  constexpr std::size_t kPage = 4096;
  const std::size_t limit = m.what.limit == 0 ? kPage : std::min<std::size_t>(m.what.limit, kPage);
  // What this peer may not get does not count for the page: it goes on after the last name that was shown.
  const auto shown = [&](std::string_view name) {
    return options_.access.permits(s.spec.peer, s.spec.same_host, AccessVerb::kGet, name);
  };
  auto found = reader_.current()->list(m.what.pattern, m.what.after, limit + 1, shown);
  bool more = found.size() > limit;
  if (more) found.resize(limit);
  answers_.clear();
  attributes_.clear();
  // Everything else of a page fits a message whatever it is; attributes may take a quarter of it.
  std::uint64_t attribute_bytes = 0;
  for (const EntryRef& entry : found) {
    for (const auto& [key, value] : entry->meta.attributes)
      attribute_bytes += kAttributeBytes + key.size() + value.size();
    if (attribute_bytes > s.max_message / 4 && !answers_.empty()) {
      more = true;
      break;
    }
    wire::EntryAnswer& answer = answers_.emplace_back();
    fill_answer({.entry = entry, .part = std::nullopt}, answer);
    answer.name = entry->name;
  }
  send(s, wire::Response{.sequence = m.sequence, .entries = answers_, .more = more}, now);
}

void Core::Impl::on_request(Session& s, const wire::Request& m, TimePoint now, std::uint16_t by) {
  const wire::TransferRef ref{.sequence = m.sequence, .opened_by_sender = false};
  if (was_cancelled(s, m.sequence)) return;
  if (m.what.kind == wire::WhatKind::kEntries) return answer_listing(s, m, now);
  const std::size_t items = m.what.kind == wire::WhatKind::kNames ? m.what.names.size() : m.what.handles.size();
  if (s.theirs.find(m.sequence) != nullptr) return;  // a retry that crossed its answer
  if (items == 0 || items > kMaxBatchItems || (m.parts.size() > 1 && m.parts.size() != items))
    return answer_failure(
        s, ref, Error(ErrorClass::kMalformed, "get", "a request for nothing, or with parts of another count"), now);
  if (auto admitted = options_.access.admits(s.spec.peer, s.spec.same_host); !admitted)
    return answer_failure(s, ref, admitted.error(), now);
  // Twice what hello promises: transfers that are over at the opener still wait for posts to finish here.
  if (s.theirs.size() >= 2ull * kMaxOpenTransfers || s.items_held + items > kMaxHeldItems)
    return answer_failure(s, ref, Error(ErrorClass::kOverloaded, "get", "too many open transfers"), now);
  if (shutting_down_)
    return answer_failure(s, ref, Error(ErrorClass::kShuttingDown, "get", "the node is stopping"), now);

  const TransferKey key{transfers_.take()};
  Transfer& t = *transfers_.find(key);
  t.key = key;
  Source& src = t.source;
  src.bytes.space.reset(s.piece_bytes);
  answers_.clear();
  attributes_.clear();
  answers_.resize(items);
  texts_.clear();
  texts_.reserve(2 * items);
  src.bytes.items.resize(items);
  bool all_whole = true;
  // Asked for once: between two items another thread may publish, and all of a request is of one snapshot.
  const CatalogSnapshot& catalog = *reader_.current();
  Result<void> laid_out;
  for (std::size_t i = 0; i < items && laid_out; ++i) {
    SourceItem& item = src.bytes.items[i];
    bool ok = false;
    const Error error = resolve(s, catalog, m, i, item, ok);
    wire::EntryAnswer& answer = answers_[i];
    if (!ok) {
      item.entry.reset();
      answer.ok = false;
      answer.error = error.kind();
      answer.text = texts_.emplace_back(error.message().substr(0, kMaxErrorTextBytes));
      if (items == 1 && error.kind() == ErrorClass::kNotFound && m.what.kind == wire::WhatKind::kNames)
        answer.name = texts_.emplace_back(suggestion(s, catalog, m.what.names[0], now));
      laid_out = src.bytes.space.add(0);
      continue;
    }
    fill_answer(item, answer);
    all_whole = all_whole && !item.part;
    laid_out = src.bytes.space.add(answer.bytes);
  }
  if (!laid_out) {
    transfers_.give_back(key);
    return answer_failure(s, ref, laid_out.error(), now);
  }
  const Space& space = src.bytes.space;
  src.leaves.assign(space.leaves(), 0);
  clear_bits(src.known, src.leaves.size());
  bool cached = true;
  for (std::size_t i = 0; i < items && cached; ++i) {
    const SourceItem& item = src.bytes.items[i];
    if (!item.entry) continue;
    const auto* leaves = item.part ? nullptr : item.entry->leaves.get();
    cached = space.entries()[i].bytes == 0 || leaves != nullptr;
    if (leaves != nullptr)
      std::copy(leaves->begin(), leaves->end(), src.leaves.begin() + space.entries()[i].first_leaf);
  }
  const bool in_memory = std::all_of(src.bytes.items.begin(), src.bytes.items.end(),
                                     [](const SourceItem& item) { return !item.entry || item.entry->data != nullptr; });
  const auto tell_leaves = [&] {
    for (std::size_t i = 0; i < items; ++i)
      if (src.bytes.items[i].entry)
        answers_[i].leaves = std::span<const std::uint64_t>(src.leaves)
                                 .subspan(space.entries()[i].first_leaf, space.entries()[i].leaves());
  };

  if (space.total() <= std::min<std::uint64_t>(m.inline_max, kInlineBytes) && (in_memory || space.total() == 0)) {
    if (!cached)
      for (std::uint32_t leaf = 0; leaf < space.leaves(); ++leaf)
        src.leaves[leaf] = src.bytes.leaf(space.leaf(leaf), 0, nullptr);
    tell_leaves();
    std::byte* payload =
        send_with_payload(s, wire::Response{.sequence = m.sequence, .entries = answers_}, space.total(), now, {}, by);
    if (payload == nullptr) {
      transfers_.give_back(key);
      return answer_failure(s, ref, Error(ErrorClass::kResourceExhausted, "get", "the answer is larger than a message"),
                            now);
    }
    std::memset(payload, 0, space.total());
    if (space.total() != 0) src.bytes.pack(0, payload);
    ++stats_.serves;
    stats_.bytes_out += space.total();
    transfers_.give_back(key);
    return;
  }

  t.role = Role::kServe;
  t.told = true;  // nobody here asked for it
  t.id = {.opener = s.incarnation, .sequence = m.sequence};
  t.peer = s.spec.peer;
  t.session = s.key;
  t.verify = m.verify;
  t.opened = t.progress_at = t.phase_since = now;
  t.explicit_end = m.deadline_ns == 0 ? kNever : now + Duration(std::min<std::uint64_t>(m.deadline_ns, 1ull << 60));
  t.total = src.total = space.total();
  t.phase = Phase::kWaitGrant;
  if (cached || m.verify == wire::Verify::kLane) {
    if (cached) tell_leaves();
    src.leaves_told = cached;
  }
  s.theirs.set(m.sequence, key);
  ++s.transfers;
  s.items_held += items;
  ++stats_.serves;
  const bool granted = m.has_grant && m.expected_bytes == space.total() && items == 1 && src.bytes.items[0].entry;
  if (granted) {
    if (send_with_payload(s, wire::Response{.sequence = m.sequence, .entries = answers_, .granted = true}, 0, now,
                          key) == nullptr)
      return fail(t, Error(ErrorClass::kResourceExhausted, "get", "the answer is larger than a message"), now);
    schedule(t);
    return on_grant(s, t, m.grant, now);
  }
  const wire::Offer offer{.transfer = ref_of(t),
                          .deadline_ns = m.deadline_ns,
                          .entries = answers_,
                          .total = space.total(),
                          .verify = m.verify};
  if (send_with_payload(s, offer, 0, now, key) == nullptr)
    return fail(t, Error(ErrorClass::kResourceExhausted, "get", "the answer is larger than a message"), now);
  schedule(t);
}

}  // namespace weft::transfer
