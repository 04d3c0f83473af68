#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/transfer/core_impl.hpp>
#include <weft/wire/digest.hpp>

/// The receiving half of a pull: answers, landings, completion. Rounds are in rounds.cpp.
namespace weft::transfer {
namespace {

TensorMeta meta_of(const wire::EntryAnswer& answer) {
  TensorMeta meta;
  meta.dtype = answer.dtype;
  meta.shape = Shape(answer.shape);
  meta.opaque_type = std::string(answer.opaque_type);
  meta.requires_grad = answer.requires_grad;
  for (const auto& [key, value] : answer.attributes) meta.attributes.emplace_hint(meta.attributes.end(), key, value);
  if (meta.dtype == DType::kOpaque)
    if (const auto computed = meta.byte_size(); !computed || *computed != answer.bytes)
      meta.opaque_bytes = answer.bytes;
  return meta;
}

Error too_large(std::uint64_t announced, std::uint64_t allowed) {
  return Error(ErrorClass::kResourceExhausted, "get",
               fmt::format("{} announced, {} allowed", human_bytes(announced), human_bytes(allowed)))
      .with_hint("raise memory_bytes, bring the memory with `into`, or ask for a slice");
}

}  // namespace

void Core::Impl::prepare_leaves(Target& target) {
  clear_bits(target.arrived, target.space.pieces());
  clear_bits(target.scattered, target.space.pieces());
  clear_bits(target.told, target.space.leaves());
  clear_bits(target.hashed, target.space.leaves());
  target.expected.assign(target.space.leaves(), 0);
  target.actual.assign(target.space.leaves(), 0);
}

/// Reads what each item turned out to be; lays out the byte space, which under the request's grant is there already.
/// Malformed when an answer contradicts itself.
Result<void> Core::Impl::take_answers(Transfer& t, std::span<const wire::EntryAnswer> entries, bool under_grant) {
  Target& target = t.target;
  Session* s = session_of(t);
  target.items.clear();
  if (!under_grant) target.space.reset(s->piece_bytes);
  const std::size_t asked = t.role == Role::kPull ? std::max(t.pull.names.size(), t.pull.handles.size()) : 1;
  if (entries.size() != asked) return weft::fail(ErrorClass::kMalformed, "get", "the answer is not for what was asked");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const wire::EntryAnswer& answer = entries[i];
    TargetItem item{.ok = answer.ok, .name = std::string(answer.name), .index = answer.handle.index};
    if (i < t.pull.names.size()) item.name = t.pull.names[i];
    if (!answer.ok) {
      Error error = Error(answer.error, "get", std::string(answer.text)).with_name(item.name).with_peer(s->label());
      if (answer.error == ErrorClass::kNotFound && !answer.name.empty())
        error = std::move(error).with_hint(fmt::format("did you mean \"{}\"?", escaped(answer.name)));
      if (answer.error == ErrorClass::kStale) ++stats_.stale;
      if (answer.error == ErrorClass::kForbidden)
        error = std::move(error).with_hint("on the other side: widen its access rule's names or verbs");
      item.error = std::move(error);
      WEFT_TRY(target.space.add(0));
      target.items.push_back(std::move(item));
      continue;
    }
    item.meta = meta_of(answer);
    item.bytes = answer.bytes;
    item.generation = answer.handle.generation;
    if (item.meta.dtype != DType::kOpaque) {
      auto computed = item.meta.byte_size();
      if (!computed) return std::unexpected(std::move(computed).error());
      if (*computed != answer.bytes)
        return weft::fail(ErrorClass::kMalformed, "get",
                          fmt::format("\"{}\": shape × dtype is {} bytes, {} were announced", escaped(item.name),
                                      *computed, answer.bytes));
    }
    if (!under_grant) WEFT_TRY(target.space.add(answer.bytes));
    target.items.push_back(std::move(item));
  }
  t.total = target.space.total();
  if (t.pull.max_bytes != 0 && t.total > t.pull.max_bytes) return weft::fail(too_large(t.total, t.pull.max_bytes));
  if (!under_grant) prepare_leaves(target);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].leaves.empty()) continue;
    if (entries[i].leaves.size() != target.space.entries()[i].leaves())
      return weft::fail(ErrorClass::kMalformed, "get", "an entry has more or fewer digests than leaves");
    hear_leaves(t, target.space.entries()[i].first_leaf, entries[i].leaves);
  }
  return {};
}

/// Short runs travel packed; so do more runs than a grant may name.
bool Core::Impl::lands_directly(const Into& into) {
  return !into.selection || (into.selection->run_bytes() >= kPackBelowBytes &&
                             into.selection->bytes() / into.selection->run_bytes() < kMaxBatchItems / 2);
}

/// Whether the caller's memory is what will arrive, and how it is used. An item whose memory is of another shape fails
/// alone: its bytes still come with the others', to the landing only. Where nothing else is wanted nothing moves.
Result<void> Core::Impl::check_into(Transfer& t) {
  Target& target = t.target;
  target.direct_into = target.scatter = false;
  if (t.role != Role::kPull || t.pull.into.empty()) return {};
  std::optional<Error> refused;
  for (std::size_t i = 0; i < target.items.size(); ++i) {
    TargetItem& item = target.items[i];
    if (!item.ok) continue;
    if (i >= t.pull.into.size() || t.pull.into[i].data == nullptr) continue;
    const Into& into = t.pull.into[i];
    const std::uint64_t room = into.selection ? into.selection->bytes() : into.size;
    const bool typed = into.meta.dtype != DType::kOpaque && item.meta.dtype != DType::kOpaque;
    const bool same = !typed || (into.meta.dtype == item.meta.dtype && into.meta.shape == item.meta.shape);
    if (same && (into.selection ? room == item.bytes : room >= item.bytes)) continue;
    item.ok = false;
    item.error = Error(ErrorClass::kInvalidArgument, "get",
                       fmt::format("\"{}\" is {} {} ({}), `into` is {} {} ({})", escaped(item.name),
                                   to_string(item.meta.dtype), item.meta.shape.to_string(), human_bytes(item.bytes),
                                   to_string(into.meta.dtype), into.meta.shape.to_string(), human_bytes(room)))
                     .with_hint("give a destination of that type and shape")
                     .with_name(item.name);
    refused = item.error;
  }
  if (refused && std::none_of(target.items.begin(), target.items.end(), [](const TargetItem& i) { return i.ok; })) {
    Pulled told{.from = t.peer, .incarnation = t.incarnation.value_or(Incarnation{})};
    for (const TargetItem& item : target.items) told.items.push_back({.error = item.error, .name = item.name});
    tell(t, std::move(told));
    return std::unexpected(std::move(*refused));
  }
  const Into& first = t.pull.into.front();
  if (target.items.size() == 1) {
    target.direct_into = first.data != nullptr && lands_directly(first);
    if (target.direct_into) target.map.set_into(first, t.total);
  } else {
    target.direct_into = target.space.entries().front().bytes >= kPackBelowBytes && !refused &&
                         target.items.size() < kMaxBatchItems / 2 &&
                         target.map.set_blocks(t.pull.into, target.space.entries());
  }
  target.scatter = !target.direct_into;
  return {};
}

void Core::Impl::on_pull_offer(Session& s, Transfer& t, const wire::Offer& m, TimePoint now) {
  if (t.role != Role::kPull) return;
  if (t.target.early && t.target.round_open && !void_early(t, now)) return;
  if (t.phase != Phase::kWaitAnswer) return;
  t.progress_at = now;
  if (t.verify == wire::Verify::kPieces && m.verify != wire::Verify::kPieces)
    return fail(t, Error(ErrorClass::kMalformed, "get", "the source offers less verification than was asked for"), now);
  t.verify = m.verify;
  auto taken = take_answers(t, m.entries);
  if (taken && t.total != m.total)
    taken = weft::fail(ErrorClass::kMalformed, "get", "the byte space is not what both sides compute");
  if (taken) taken = check_into(t);
  if (!taken) return fail(t, std::move(taken).error(), now);
  want_rail(s, t.lane, now);
  want_landing(t, now);
}

void Core::Impl::want_landing(Transfer& t, TimePoint now) {
  t.phase = Phase::kWaitLanding;
  t.phase_since = now;
  Target& target = t.target;
  if (target.direct_into) {
    if (target.is_inline) return finish_inline(t, now);
    return open_round(t, now);
  }
  if (t.total == 0) {
    if (target.is_inline) return finish_inline(t, now);
    return complete(t, now);
  }
  // Not where the caller brings the memory.
  if (t.total > options_.max_transfer_bytes) return fail(t, too_large(t.total, options_.max_transfer_bytes), now);
  actions_.push(TakeLanding{.transfer = t.key, .bytes = t.total});
}

void Core::Impl::on_landing(TransferKey key, Result<memory::Landing> landing, TimePoint now) {
  Transfer* t = transfers_.find(key);
  if (t == nullptr || t->phase != Phase::kWaitLanding) return;  // the landing goes back by itself
  if (!landing) return fail(*t, std::move(landing).error(), now);
  t->target.landing = std::move(*landing);
  t->target.map.set_dense(t->target.landing.data(), t->total);
  if (t->target.is_inline) return finish_inline(*t, now);
  open_round(*t, now);
}

void Core::Impl::on_response(Session& s, const wire::Response& m, std::span<const std::byte> payload, TimePoint now,
                             std::uint16_t by) {
  Transfer* t = find(s, {.sequence = m.sequence, .opened_by_sender = false});
  if (t == nullptr) return;
  if (t->target.early && t->target.round_open) {
    if (m.granted) return on_granted(s, *t, m, now);
    if (!void_early(*t, now)) return;
  }
  if (t->phase != Phase::kWaitAnswer) return;
  if (m.granted) return fail(*t, Error(ErrorClass::kMalformed, "get", "an answer to a grant that was not given"), now);
  t->progress_at = now;
  if (t->role == Role::kList) return on_listing(s, *t, m, now);
  if (t->role != Role::kPull) return;
  auto taken = take_answers(*t, m.entries);
  if (taken && t->total != payload.size())
    taken =
        weft::fail(ErrorClass::kMalformed, "get", fmt::format("{} bytes announced, {} came", t->total, payload.size()));
  if (taken) taken = check_into(*t);
  if (!taken) return fail(*t, std::move(taken).error(), now);
  t->used = rail(s, by)->lane;
  t->target.is_inline = true;
  t->target.inline_bytes.assign(payload.begin(), payload.end());
  want_landing(*t, now);
}

void Core::Impl::finish_inline(Transfer& t, TimePoint now) {
  Target& target = t.target;
  std::uint64_t at = 0;
  if (t.total != 0)
    target.map.for_each(0, t.total, [&](std::byte* data, std::uint64_t length) {
      std::memcpy(data, target.inline_bytes.data() + at, length);
      at += length;
    });
  target.bytes_arrived = t.total;
  stats_.bytes_in += t.total;
  if (t.verify == wire::Verify::kPieces) {
    for (std::uint32_t piece = 0; piece < target.space.pieces(); ++piece) {
      hash_piece(t, piece);
      if (!piece_bad(t, piece)) continue;
      ++stats_.integrity_failures;
      return fail(
          t, Error(ErrorClass::kIntegrityFailure, "get", "the bytes differ from their digest; nothing was kept"), now);
    }
    if (target.told_count != target.space.leaves())
      return fail(t, Error(ErrorClass::kMalformed, "get", "an answer without its digests"), now);
  }
  complete(t, now);
}

/// Whole and verified: roots, then the outcome.
void Core::Impl::complete(Transfer& t, TimePoint now) {
  Target& target = t.target;
  const auto entries = target.space.entries();
  for (std::size_t i = 0; i < target.items.size(); ++i) {
    TargetItem& item = target.items[i];
    const bool told = target.told_count == target.space.leaves();  // with verification by the lane they may be unknown
    if (item.ok && told)
      item.digest = wire::root_of(
          item.bytes, item.generation,
          std::span<const std::uint64_t>(target.expected).subspan(entries[i].first_leaf, entries[i].leaves()));
  }
  if (target.scatter)
    for (std::uint32_t piece = 0; piece < target.space.pieces(); ++piece) scatter_piece(t, piece);
  deliver(t, now);
}

/// Copies what of a piece the caller wants in memory of its own.
void Core::Impl::scatter_piece(Transfer& t, std::uint32_t piece) {
  Target& target = t.target;
  if (bit(target.scattered, piece)) return;
  set_bit(target.scattered, piece);
  const std::uint64_t begin = target.space.piece_begin(piece);
  const std::uint64_t end = target.space.piece_end(piece);
  const auto entries = target.space.entries();
  const std::size_t count = std::min({entries.size(), target.items.size(), t.pull.into.size()});
  for (std::size_t i = target.space.entry_at(begin); i < count && entries[i].offset < end; ++i) {
    const Into& into = t.pull.into[i];
    if (!target.items[i].ok || into.data == nullptr || entries[i].bytes == 0) continue;
    const std::byte* from = target.landing.data() + entries[i].offset;
    const std::uint64_t first = std::max(begin, entries[i].offset) - entries[i].offset;
    const std::uint64_t bytes = std::min(end - entries[i].offset, entries[i].bytes) - first;
    if (!into.selection) {
      std::memcpy(into.data + first, from + first, bytes);
      continue;
    }
    into.selection->for_each(first, bytes, [&](std::uint64_t at, std::uint64_t dense, std::uint64_t length) {
      std::memcpy(into.data + at, from + dense, length);
    });
  }
}

void Core::Impl::deliver(Transfer& t, TimePoint now) {
  Session* s = session_of(t);
  Target& target = t.target;
  const auto entries = target.space.entries();
  std::vector<PulledItem> items = std::move(spare_items_);
  spare_items_ = {};
  items.reserve(target.items.size());
  for (std::size_t i = 0; i < target.items.size(); ++i) {
    TargetItem& from = target.items[i];
    items.push_back({.error = std::move(from.error),
                     .name = std::move(from.name),
                     .meta = std::move(from.meta),
                     .offset = target.direct_into ? 0 : entries[i].offset,
                     .bytes = from.bytes,
                     .generation = from.generation,
                     .index = from.index,
                     .digest = from.digest});
  }
  // Before its receipt is on the way: if that is lost, the sender's retry must find it.
  if (t.role == Role::kReceive) once_.remember({t.peer, t.id.opener}, outcome_of(t), now);
  if (s != nullptr && !s->closing && !(t.role == Role::kPull && target.is_inline)) send_receipt(*s, t, now);
  if (t.role == Role::kReceive) {
    ++stats_.receives;
    tell(t, Received{.from = t.peer,
                     .id = t.id,
                     .lane = t.used,
                     .verify = t.verify,
                     .landing = std::move(target.landing),
                     .item = std::move(items.front())});
  } else {
    ++stats_.pulls;
    tell(t, Pulled{.from = t.peer,
                   .incarnation = t.incarnation.value_or(Incarnation{}),
                   .lane = t.used,
                   .verify = t.verify,
                   .landing = std::move(target.landing),
                   .items = std::move(items)});
  }
  finish(t);
}

void Core::Impl::on_listing(Session& s, Transfer& t, const wire::Response& m, TimePoint now) {
  for (const wire::EntryAnswer& answer : m.entries) {
    if (!answer.ok) return fail(t, Error(answer.error, "list", std::string(answer.text)).with_peer(s.label()), now);
    if (!t.listed.empty() && answer.name <= t.listed.back().name)
      return fail(t, Error(ErrorClass::kMalformed, "list", "the names do not rise").with_peer(s.label()), now);
    for (const wire::Attribute& one : answer.attributes)
      t.listed_attribute_bytes += kAttributeBytes + one.key.size() + one.value.size();
    if (t.listed.size() == kMaxListed || t.listed_attribute_bytes > kMaxListedAttributeBytes)
      return fail(
          t, Error(ErrorClass::kResourceExhausted, "list", "more names, or attributes, than a listing may have"), now);
    t.listed.push_back({.name = std::string(answer.name),
                        .meta = meta_of(answer),
                        .bytes = answer.bytes,
                        .generation = answer.handle.generation,
                        .index = answer.handle.index});
  }
  if (m.more && !m.entries.empty()) return send_request(t, s, now);
  tell(t,
       Listed{.from = t.peer, .incarnation = s.incarnation, .host_name = s.host_name, .entries = std::move(t.listed)});
  finish(t);
}

}  // namespace weft::transfer
