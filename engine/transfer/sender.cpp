#include <algorithm>
#include <utility>

#include <weft/transfer/canary.hpp>
#include <weft/transfer/core_impl.hpp>
#include <weft/wire/digest.hpp>

/// The sending half: grants taken, pieces cut into writes, leaves, last words, receipts.
namespace weft::transfer {

void Core::Impl::activate(Session& s, Transfer& t) {
  if (!std::exchange(t.source.active, true)) {
    s.sources.push_back(t.key);
    ++active_sources_;
  }
  const bool on_stream = std::any_of(t.source.rails.begin(), t.source.rails.end(),
                                     [](const SourceRail& sr) { return sr.rail == 0 && !sr.left; });
  if (on_stream && !std::exchange(t.source.on_stream, true)) ++s.stream_sources;
  for (const SourceRail& sr : t.source.rails) set_ready(s, sr.rail);
}

void Core::Impl::deactivate(Session& s, Transfer& t) {
  if (std::exchange(t.source.active, false)) active_sources_ -= std::erase(s.sources, t.key);
  if (std::exchange(t.source.on_stream, false)) --s.stream_sources;
}

void Core::Impl::on_grant(Session& s, Transfer& t, const wire::Grant& m, TimePoint now) {
  Source& src = t.source;
  if (!t.is_source() || src.ending) return;
  const bool joins = src.round_open && m.round == src.round;
  const bool opens =
      !src.round_open &&
      (t.phase == Phase::kWaitGrant || t.phase == Phase::kWaitReceipt || t.phase == Phase::kWaitAnswer) &&
      m.round < kMaxRounds && (t.phase != Phase::kWaitReceipt || m.round == src.round + 1);
  if (!joins && !opens) return;  // late: its round is over, and `done` said so
  if (opens) {
    if (auto set = src.remote.set(m.where, src.bytes.space.total()); !set) return fail(t, set.error(), now);
    src.round = m.round;
    src.round_open = true;
    src.done_sent = false;
    src.rails.clear();
    src.wanted.assign(m.wanted.begin(), m.wanted.end());
    const std::uint32_t pieces = src.bytes.space.pieces();
    if (src.wanted.empty()) src.wanted.push_back({.first = 0, .count = pieces});
    for (const wire::PieceRange& range : src.wanted)
      if (range.count == 0 || range.first >= pieces || range.count > pieces - range.first)
        return fail(t, Error(ErrorClass::kMalformed, "grant", "pieces outside of the transfer"), now);
    src.wanted_at = 0;
    src.wanted_piece = 0;
    t.phase = Phase::kMoving;
    t.phase_since = t.progress_at = now;
  }
  for (const wire::RailKey& key : m.rails) {
    const Rail* r = rail(s, key.rail);
    const bool known =
        std::any_of(src.rails.begin(), src.rails.end(), [&](const SourceRail& x) { return x.rail == key.rail; });
    if (known || key.slot >= kMaxSlots) continue;
    // A rail that is not up at this end yet will be, or its Down says otherwise.
    const bool gone = r == nullptr || r->state == Rail::State::kClosing || r->state == Rail::State::kDown;
    src.rails.push_back({.rail = key.rail, .slot = key.slot, .key = key.key, .base = key.base, .gone = gone});
  }
  activate(s, t);
  read_ahead(t);
  maybe_done(s, t, now);
}

bool Core::Impl::take_piece(Session& s, Transfer& t, SourceRail& sr, TimePoint now) {
  Source& src = t.source;
  std::uint32_t piece = 0;
  std::int32_t staging = -1;
  if (!src.staged.empty()) {
    if (src.staged.front().reads_left != 0) return false;
    const Staged staged = src.staged.pop();
    piece = staged.piece;
    staging = staged.staging;
    read_ahead(t);
  } else {
    if (src.wanted_at == src.wanted.size()) return false;
    if (src.bytes.needs_staging(src.wanted[src.wanted_at].first + src.wanted_piece)) {
      read_ahead(t);
      if (src.staged.empty() || src.staged.front().reads_left != 0) return false;
      return take_piece(s, t, sr, now);
    }
    next_wanted(src, piece);
  }
  sr.has_piece = true;
  sr.piece = piece;
  sr.offset = src.bytes.space.piece_begin(piece);
  sr.staging = staging;
  sr.attached = false;
  if (t.verify == wire::Verify::kPieces)
    hash_source_piece(s, t, piece, staging < 0 ? nullptr : staging_.data(staging), now);
  return true;
}

void Core::Impl::hash_source_piece(Session& s, Transfer& t, std::uint32_t piece, const std::byte* staging,
                                   TimePoint now) {
  Source& src = t.source;
  if (src.leaves_told) return;
  const Space::LeafRange range = src.bytes.space.leaves_of(piece);
  for (std::uint32_t leaf = range.first; leaf < range.first + range.count; ++leaf) {
    if (bit(src.known, leaf)) return;  // an earlier round hashed this piece, and told
    src.leaves[leaf] = src.bytes.leaf(src.bytes.space.leaf(leaf), src.bytes.space.piece_begin(piece), staging);
    set_bit(src.known, leaf);
    ++src.known_count;
  }
  if (src.unsent_count != 0 && src.unsent_first + src.unsent_count != range.first) flush_digests(s, t, now);
  if (src.unsent_count == 0) src.unsent_first = range.first;
  src.unsent_count += range.count;
  if (++src.pieces_since_digests >= kDigestsEvery) flush_digests(s, t, now);
}

void Core::Impl::flush_digests(Session& s, Transfer& t, TimePoint now) {
  Source& src = t.source;
  src.pieces_since_digests = 0;
  if (src.unsent_count == 0) return;
  send(s,
       wire::Digests{.transfer = ref_of(t),
                     .round = src.round,
                     .first_leaf = src.unsent_first,
                     .leaves = std::span(src.leaves).subspan(src.unsent_first, src.unsent_count)},
       now);
  src.unsent_count = 0;
}

bool Core::Impl::build_write(Session& s, Rail& r, Transfer& t, TimePoint now) {
  Source& src = t.source;
  if (!src.round_open || src.ending) return false;
  std::size_t which = src.rails.size();
  int best = -1;
  for (std::size_t i = 0; i < src.rails.size(); ++i) {
    if (src.rails[i].rail == r.number && !src.rails[i].gone) which = i;
    if (const Rail* other = rail(s, src.rails[i].rail); other != nullptr && !src.rails[i].gone)
      best = std::max(best, rank(other->lane));
  }
  if (which == src.rails.size()) return false;
  SourceRail& sr = src.rails[which];
  // New pieces go to the best lane of the round only: a slower one beside it would cost the same processor.
  if (!sr.has_piece && (rank(r.lane) < best || !take_piece(s, t, sr, now))) return false;
  if (!attach_piece(s, r, t, sr, now)) return false;

  const std::uint64_t begin = src.bytes.space.piece_begin(sr.piece);
  const std::uint64_t end = src.bytes.space.piece_end(sr.piece);
  const std::byte* staging = sr.staging < 0 ? nullptr : staging_.data(sr.staging);
  const std::size_t max_gather = std::min<std::size_t>(r.traits.gather, pending_.gather.size());
  const std::size_t max_scatter = std::min<std::size_t>(r.traits.scatter, pending_.remote.size());
  std::size_t gathers = 0;
  std::size_t scatters = 0;
  std::uint64_t offset = sr.offset;
  std::uint64_t bytes = 0;
  while (offset < end) {
    const SourceBytes::Run from = src.bytes.run_at(offset, end, begin, staging);
    if (from.length == 0) {
      offset = end;
      break;
    }
    const RemoteMap::Run to = src.remote.run_at(offset + from.skip);
    const std::uint64_t length = std::min(from.length, to.length);
    lane::Gather* g = gathers == 0 ? nullptr : &pending_.gather[gathers - 1];
    lane::RemoteRange* w = scatters == 0 ? nullptr : &pending_.remote[scatters - 1];
    void* descriptor = descriptor_of(t, r, sr, from.item);
    const bool g_joins = g != nullptr && g->data + g->size == from.data && g->descriptor == descriptor;
    const bool w_joins = w != nullptr && w->offset + w->length == sr.base + to.offset;
    if ((!g_joins && gathers == max_gather) || (!w_joins && scatters == max_scatter)) break;
    if (g_joins)
      g->size += length;
    else
      pending_.gather[gathers++] = {.data = from.data, .size = length, .descriptor = descriptor};
    if (w_joins)
      w->length += length;
    else
      pending_.remote[scatters++] = {.key = sr.key, .offset = sr.base + to.offset, .length = length};
    bytes += length;
    offset += from.skip + length;
  }
  if (offset < end && src.bytes.run_at(offset, end, begin, staging).length == 0) offset = end;
  const bool last = offset >= end;
  if (!spare_post_) spare_post_ = posts_.take();
  pending_.transfer = t.key;
  pending_.source_rail = which;
  pending_.next_offset = offset;
  pending_.bytes = bytes;
  pending_.last_of_piece = last;
  pending_.post =
      Post{.is_message = false,
           .gather = std::span(pending_.gather.data(), gathers),
           .remote = std::span(pending_.remote.data(), scatters),
           .immediate = last || !r.traits.ordered ? std::optional(Slots::immediate(sr.slot, sr.piece)) : std::nullopt,
           .token = spare_post_.value};
  return true;
}

/// The round ends when everything wanted is posted, or when no rail is left to post on.
void Core::Impl::maybe_done(Session& s, Transfer& t, TimePoint now) {
  Source& src = t.source;
  if (!src.round_open || src.done_sent || src.ending || t.feed) return;
  const bool any_rail = std::any_of(src.rails.begin(), src.rails.end(), [](const SourceRail& sr) { return !sr.gone; });
  const bool in_hand =
      std::any_of(src.rails.begin(), src.rails.end(), [](const SourceRail& sr) { return sr.has_piece && !sr.gone; });
  const bool all_taken = src.wanted_at == src.wanted.size() && src.staged.empty();
  if (any_rail && (in_hand || !all_taken)) return;
  while (!src.staged.empty() && src.staged.front().reads_left == 0) staging_.let_go(src.staged.pop().staging);
  if (!src.staged.empty()) return;  // a worker still reads into staging: maybe_done is asked again by on_prepared
  send_done(s, t, std::nullopt, now);
}

void Core::Impl::send_done(Session& s, Transfer& t, const std::optional<Error>& error, TimePoint now) {
  Source& src = t.source;
  if (src.done_sent) return;
  src.done_sent = true;
  src.round_open = false;
  src.ever_done = src.ever_done || !error;
  rail_counts_.clear();
  for (const SourceRail& sr : src.rails) {
    // A piece cut off between its writes has bytes under way that no immediate will tell of: counted as one that never
    // arrives, so that the receiver fences this rail before it takes its memory back.
    const bool cut_off =
        t.feed ? t.feed->offset != 0 && !sr.gone : sr.has_piece && sr.offset != src.bytes.space.piece_begin(sr.piece);
    rail_counts_.push_back({.rail = sr.rail, .posted = sr.posted + (cut_off ? 1 : 0)});
  }
  if (!(WEFT_CANARY(kSkipLastWord) && error))
    send(s,
         wire::Done{
             .transfer = ref_of(t),
             .round = src.round,
             .ok = !error,
             .error = error ? error->kind() : ErrorClass::kInternal,
             .text = error ? error->message() : std::string_view{},
             .rails = rail_counts_,
             .first_leaf = src.unsent_first,
             .leaves = std::span(src.leaves).subspan(src.unsent_count == 0 ? 0 : src.unsent_first, src.unsent_count)},
         now);
  src.unsent_count = 0;
  src.pieces_since_digests = 0;
  deactivate(s, t);
  if (error) return;
  t.phase = Phase::kWaitReceipt;
  t.phase_since = now;
  if (src.known_count != src.leaves.size() || src.leaves_told) return;
  const auto entries = src.bytes.space.entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const SourceItem& item = src.bytes.items[i];
    if (!item.entry || item.part || item.entry->leaves.get() != nullptr) continue;
    const auto first = src.leaves.begin() + entries[i].first_leaf;
    item.entry->leaves.set(std::vector<std::uint64_t>(first, first + entries[i].leaves()));
  }
}

void Core::Impl::source_rail_down(Session& s, Transfer& t, std::uint16_t number, TimePoint now) {
  if (t.feed) return feed_rail_down(s, t, number);
  Source& src = t.source;
  bool touched = false;
  for (SourceRail& sr : src.rails) {
    if (sr.rail != number || sr.gone) continue;
    sr.gone = true;
    touched = true;
    if (sr.staging >= 0) staging_.let_go(sr.staging);
    sr.staging = -1;
    sr.has_piece = false;
  }
  if (!touched) return;
  if (WEFT_CANARY(kSenderReposts) && src.done_sent && t.phase == Phase::kWaitReceipt) {
    src.round_open = true;
    src.done_sent = false;
    src.wanted.assign(1, {.first = 0, .count = src.bytes.space.pieces()});
    src.wanted_at = src.wanted_piece = 0;
    activate(s, t);
  }
  for (const SourceRail& sr : src.rails)
    if (!sr.gone) set_ready(s, sr.rail);
  if (!s.closing) maybe_done(s, t, now);
}

/// Every try went to this one process, and it says that it has nothing; or that it cannot tell any more.
void Core::Impl::hear_refusal(Transfer& t, ErrorClass why) {
  if (why != ErrorClass::kStale) t.source.ever_done = false;
}

void Core::Impl::on_receipt(Session& s, Transfer& t, const wire::Receipt& m, TimePoint now) {
  if (!t.is_source()) return;
  Source& src = t.source;
  if (t.role == Role::kPush && !t.told) {
    if (m.ok) {
      ++stats_.pushes;
      tell(t, Pushed{.bytes = m.bytes,
                     .generation = t.entry->generation,
                     .digest = m.digest,
                     .lane = m.lane,
                     .verify = m.verify});
    } else {
      t.error = Error(m.error, "push", std::string(m.text)).with_peer(s.label()).with_name(t.entry->name);
      hear_refusal(t, m.error);
    }
  }
  if (src.round_open) send_done(s, t, Error(ErrorClass::kCancelled, "transfer", "the receiver ended it"), now);
  end_source(t, std::nullopt, now);
}

/// The sender's end: nothing is posted any more; the memory is let go when no post uses it.
void Core::Impl::end_source(Transfer& t, std::optional<Error> error, TimePoint now) {
  Source& src = t.source;
  if (src.ending) return;
  src.ending = true;
  src.end_error = error;
  if (error && !t.error) t.error = std::move(error);
  Session* s = session_of(t);
  if (s != nullptr && src.round_open && !s->closing) send_done(*s, t, src.end_error, now);
  src.round_open = false;
  if (s != nullptr) deactivate(*s, t);
  for (SourceRail& sr : src.rails) {
    if (sr.staging >= 0) staging_.let_go(sr.staging);
    sr.staging = -1;
    sr.has_piece = false;
  }
  while (!src.staged.empty() && src.staged.front().reads_left == 0) staging_.let_go(src.staged.pop().staging);
  t.phase = Phase::kDraining;
  t.phase_since = now;
  maybe_drained(t, now);
  if (transfers_.find(t.key) != nullptr) schedule(t);
}

void Core::Impl::maybe_drained(Transfer& t, TimePoint now) {
  Source& src = t.source;
  if (!src.ending) {
    if (Session* s = session_of(t); s != nullptr && src.round_open) maybe_done(*s, t, now);
    return;
  }
  if (src.outstanding != 0 || !src.staged.empty()) return;
  if (t.feed) end_sends(t);
  if (!t.told) {
    Error error = t.error ? *t.error : Error(ErrorClass::kInternal, "push", "ended without a reason");
    if (src.ever_done) error = std::move(error).with_may_have_arrived();
    tell(t, std::move(error));
  }
  finish(t);
}

}  // namespace weft::transfer
