#include <utility>

#include <weft/transfer/canary.hpp>
#include <weft/transfer/core_impl.hpp>

/// The opener's side of every call, until its peer has answered.
namespace weft::transfer {

Transfer& Core::Impl::open(Role role, const NodeId& peer, const Bound& bound, std::uint64_t cookie, TimePoint now) {
  const TransferKey key{transfers_.take()};
  Transfer& t = *transfers_.find(key);
  t.key = key;
  t.role = role;
  t.peer = peer;
  t.cookie = cookie;
  t.id = {.opener = options_.incarnation, .sequence = next_sequence_++};
  t.opened = t.progress_at = t.phase_since = now;
  t.explicit_end = bound.explicit_end.value_or(kNever);
  ours_.set(t.id.sequence, key);
  if (role == Role::kFeed) ++grain_transfers_;
  return t;
}

TransferKey Core::Impl::pull(PullSpec spec, TimePoint now) {
  Transfer& t = open(Role::kPull, spec.peer, spec.bound, spec.cookie, now);
  t.lane = spec.lane;
  t.verify = spec.verify;
  t.pull = std::move(spec);
  attach(t, now);
  return t.key;
}

TransferKey Core::Impl::list(ListSpec spec, TimePoint now) {
  Transfer& t = open(Role::kList, spec.peer, spec.bound, spec.cookie, now);
  t.list = std::move(spec);
  attach(t, now);
  return t.key;
}

TransferKey Core::Impl::push(PushSpec spec, TimePoint now) {
  Transfer& t = open(Role::kPush, spec.peer, spec.bound, spec.cookie, now);
  t.lane = spec.lane;
  t.verify = spec.verify;
  t.hurried = true;  // the caller's view
  t.entry = std::move(spec.entry);
  t.pull.trace = std::move(spec.trace);
  t.total = t.entry->bytes;
  attach(t, now);
  return t.key;
}

TransferKey Core::Impl::ping(PingSpec spec, TimePoint now) {
  Transfer& t = open(Role::kPing, spec.peer, spec.bound, spec.cookie, now);
  t.nonce = t.id.sequence;
  attach(t, now);
  return t.key;
}

void Core::Impl::attach(Transfer& t, TimePoint now) {
  if (shutting_down_) return fail(t, Error(ErrorClass::kShuttingDown, "transfer", "this node is stopping"), now);
  PeerState& peer = peers_[t.peer];
  Session* s = sessions_.find(peer.session);
  if (s == nullptr || s->closing) {
    t.phase = Phase::kWaitSession;
    t.phase_since = now;
    if (!std::exchange(peer.asked, true)) actions_.push(NeedSession{.peer = t.peer});
    schedule(t);
    return;
  }
  if (t.incarnation && *t.incarnation != s->incarnation) {
    Error error = Error(ErrorClass::kPeerLost, "transfer", "the process restarted meanwhile")
                      .with_hint("get a fresh ticket, and ask again")
                      .with_peer(s->label());
    if (t.role == Role::kPush && t.source.ever_done) error = std::move(error).with_may_have_arrived();
    return fail(t, std::move(error), now);
  }
  for (const HandleSpec& handle : t.pull.handles) {
    if (handle.incarnation == s->incarnation || WEFT_CANARY(kAnswerOldIncarnation)) continue;
    ++stats_.stale;
    return fail(t,
                Error(ErrorClass::kStale, "get", "the reference is of an earlier start of this peer")
                    .with_hint("ask by name for the newest")
                    .with_peer(s->label()),
                now);
  }
  t.session = s->key;
  t.session_lost_at = kNever;
  t.incarnation = s->incarnation;
  ++s->transfers;
  if (s->open_ours >= s->max_open) {
    t.phase = Phase::kWaitRoom;
    s->waiting.push(t.key);
    schedule(t);
    return;
  }
  send_opening(t, *s, now);
}

void Core::Impl::send_opening(Transfer& t, Session& s, TimePoint now) {
  if (!std::exchange(t.counted, true)) ++s.open_ours;
  t.phase = Phase::kWaitAnswer;
  t.phase_since = now;
  ++t.tries;
  switch (t.role) {
    case Role::kPing:
      send(s, wire::Ping{.nonce = t.nonce, .answer = false}, now);
      break;
    case Role::kPush:
      return send_push_offer(t, s, now);
    case Role::kFeed:
      send_ring(t, s, now);
      break;
    default:
      if (!begin_early(t, s, now)) {
        t.by_rail = t.role == Role::kPull ? exchange_rail(s, t.lane) : 0;
        send_request(t, s, now);
      }
      break;
  }
  if (transfers_.find(t.key) != nullptr) schedule(t);
}

void Core::Impl::send_request(Transfer& t, Session& s, TimePoint now, const wire::Grant* grant) {
  wire::Request request{.sequence = t.id.sequence,
                        .deadline_ns = time_left_ns(t, now),
                        .inline_max = static_cast<std::uint32_t>(kInlineBytes),
                        .verify = t.verify,
                        .trace = t.pull.trace};
  names_.clear();
  handles_.clear();
  parts_.clear();
  if (t.role == Role::kList) {
    request.what = {.kind = wire::WhatKind::kEntries,
                    .pattern = t.list.pattern,
                    .after = t.listed.empty() ? std::string_view{} : std::string_view(t.listed.back().name)};
  } else {
    request.generation = t.pull.generation;
    for (const std::string& name : t.pull.names) names_.push_back(name);
    for (const HandleSpec& handle : t.pull.handles)
      handles_.push_back({.index = handle.index, .generation = handle.generation});
    for (const PartSpec& part : t.pull.parts)
      parts_.push_back(
          {.kind = part.kind, .ranges = part.ranges, .axis = part.axis, .runs = part.runs, .indices = part.indices});
    request.what.kind = handles_.empty() ? wire::WhatKind::kNames : wire::WhatKind::kHandles;
    request.what.names = names_;
    request.what.handles = handles_;
    request.parts = parts_;
  }
  if (grant != nullptr) {
    request.expected_bytes = t.total;
    request.has_grant = true;
    request.grant = *grant;
  }
  if (send_with_payload(s, request, 0, now, t.key, t.by_rail) == nullptr)
    return fail(t,
                Error(ErrorClass::kResourceExhausted, "get", "the request is larger than a message may be")
                    .with_hint("ask for fewer names at a time"),
                now);
  t.by_rail = said_by_;
}

/// `again`: what rode a rail goes on the stream now.
void Core::Impl::send_push_offer(Transfer& t, Session& s, TimePoint now, bool again) {
  const Entry& entry = *t.entry;
  Source& src = t.source;
  const std::uint32_t still_posted = src.outstanding;  // over rails of a session that was lost; their ends will come
  const bool ever_done = src.ever_done;
  src.reset();
  src.outstanding = still_posted;
  src.ever_done = ever_done;  // an earlier try may have been delivered
  src.bytes.space.reset(s.piece_bytes);
  if (auto added = src.bytes.space.add(entry.bytes); !added) return fail(t, std::move(added).error(), now);
  src.bytes.items.push_back({.entry = t.entry, .part = std::nullopt});
  src.leaves.assign(src.bytes.space.leaves(), 0);
  clear_bits(src.known, src.leaves.size());
  if (const auto* cached = entry.leaves.get()) {
    src.leaves = *cached;
    src.leaves_told = true;
  }
  const bool is_inline = entry.bytes <= kInlineBytes && (entry.data != nullptr || entry.bytes == 0);
  if (is_inline && !src.leaves_told && entry.bytes != 0) {
    src.leaves[0] = src.bytes.leaf(src.bytes.space.leaf(0), 0, nullptr);
    src.leaves_told = true;
  }
  wire::EntryAnswer answer;
  attributes_.clear();
  fill_answer(src.bytes.items.front(), answer);
  answer.name = entry.name;
  answer.leaves = src.leaves_told ? std::span<const std::uint64_t>(src.leaves) : std::span<const std::uint64_t>{};
  const wire::Offer offer{.transfer = ref_of(t),
                          .deadline_ns = time_left_ns(t, now),
                          .entries = std::span(&answer, 1),
                          .total = src.bytes.space.total(),
                          .is_inline = is_inline,
                          .verify = t.verify,
                          .trace = t.pull.trace};
  const std::uint16_t by = is_inline && !again ? exchange_rail(s, t.lane) : 0;
  std::byte* payload = send_with_payload(s, offer, is_inline ? entry.bytes : 0, now, t.key, by);
  if (payload == nullptr) return fail(t, Error(ErrorClass::kResourceExhausted, "push", "the offer is too large"), now);
  if (is_inline)
    entry.whole->for_each(0, entry.bytes, [&](std::uint64_t at, std::uint64_t dense, std::uint64_t length) {
      std::copy_n(entry.data + at, length, payload + dense);
    });
  t.by_rail = said_by_;
  src.ever_done = src.ever_done || is_inline;
  t.phase = is_inline ? Phase::kWaitReceipt : Phase::kWaitGrant;
  t.phase_since = now;
  t.used = rail(s, t.by_rail)->lane;
  schedule(t);
}

}  // namespace weft::transfer
