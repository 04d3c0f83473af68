#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/transfer/canary.hpp>
#include <weft/transfer/core_impl.hpp>
#include <weft/wire/digest.hpp>

/// The opener's side of every call, until its peer has answered; and how calls end, whatever their role.
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

/// The session under a call is gone: wait for another within the retry bound, or end.
void Core::Impl::lose_session(Transfer& t, const Error& why, TimePoint now) {
  Session* s = session_of(t);
  const bool opening =
      t.ours() &&
      (t.phase == Phase::kWaitAnswer || t.phase == Phase::kWaitRoom || t.phase == Phase::kWaitGrant ||
       (t.role == Role::kPush && (t.phase == Phase::kMoving || t.phase == Phase::kWaitReceipt)) || t.target.early);
  if (t.phase == Phase::kQuieting || t.phase == Phase::kDraining || t.phase == Phase::kWaitSession) return;
  const bool final = why.kind() == ErrorClass::kForbidden || why.kind() == ErrorClass::kUnsupported;
  while (!t.source.staged.empty() && t.source.staged.front().reads_left == 0)
    staging_.let_go(t.source.staged.pop().staging);
  const bool still_read = !t.source.staged.empty();  // a worker fills staging of the round that is lost
  if (!opening || final || shutting_down_ || t.tries >= 3 || still_read) return fail(t, lost_error(t, why), now);
  if (t.target.round_open) {  // early: its rails may still write
    t.target.again = true;
    t.error = why;
    return begin_quieting(t, now);
  }
  t.target.reset();
  if (s != nullptr) {
    if (std::exchange(t.counted, false)) --s->open_ours;
    if (s->transfers > 0) --s->transfers;
    if (t.is_source()) {
      deactivate(*s, t);
      for (SourceRail& sr : t.source.rails) {
        if (sr.staging >= 0) staging_.let_go(sr.staging);
        sr.staging = -1;
        sr.has_piece = false;
        sr.gone = true;
      }
    }
  }
  t.source.round_open = false;
  t.by_rail = 0;
  t.listed.clear();
  t.listed_attribute_bytes = 0;
  if (t.session_lost_at == kNever) t.session_lost_at = now;
  t.session = {};
  t.error = why;
  attach(t, now);
}

Error Core::Impl::lost_error(const Transfer& t, const Error& why) const {
  const ErrorClass kind = why.kind() == ErrorClass::kOverloaded || why.kind() == ErrorClass::kShuttingDown ||
                                  why.kind() == ErrorClass::kMalformed || why.kind() == ErrorClass::kForbidden ||
                                  why.kind() == ErrorClass::kUnsupported
                              ? why.kind()
                              : ErrorClass::kPeerLost;
  Error error = Error(kind, std::string(why.operation()), std::string(why.message()));
  if (!why.own_hint().empty()) error = std::move(error).with_hint(std::string(why.own_hint()));
  if (why.native_code() != 0) error = std::move(error).with_native(why.native_code(), std::string(why.native_text()));
  error = std::move(error).with_peer(why.context().peer.empty() ? t.peer.short_string() : why.context().peer);
  if (t.role == Role::kPush && t.source.ever_done) error = std::move(error).with_may_have_arrived();
  return error;
}

/// How far it came, and which bound it hit: the caller's, or the automatic one.
Error Core::Impl::deadline_error(const Transfer& t, TimePoint now) {
  const bool asked = t.explicit_end != kNever;
  const Duration waited = asked ? t.explicit_end - t.opened : now - std::max(t.opened, t.progress_at);
  const auto bound = fmt::format("{} {:.3g} s", asked ? "within" : "for",
                                 std::chrono::duration<double>(std::max(waited, Duration{})).count());
  const std::uint64_t moved =
      t.is_source() ? t.source.pieces_posted * t.source.bytes.space.piece_bytes() : t.target.bytes_arrived;
  std::string text, hint = "--timeout gives it longer; weft explain tells the rate to expect";
  if (t.phase == Phase::kWaitSession) {
    text = "no connection " + bound;
    hint = "weft ping tells whether it answers; --timeout gives it longer";
  } else if (t.role == Role::kPush && moved == 0 && !t.source.ever_done) {
    text = "nobody there took it " + bound;
    hint = "on the other side: weft recv, node.receive or on_offer";
  } else if (t.total == 0) {
    text = "no answer " + bound;
    hint = "weft ping tells whether it answers; --timeout gives it longer";
  } else {
    text = fmt::format("{} of {} had moved{} {}", human_bytes(std::min(moved, t.total)), human_bytes(t.total),
                       asked ? "" : ", and nothing more", bound);
  }
  const Session* s = sessions_.find(t.session);
  Error error = Error(ErrorClass::kDeadlineExceeded, "transfer", std::move(text))
                    .with_hint(std::move(hint))
                    .with_peer(s != nullptr ? s->label() : t.peer.short_string());
  if (t.role == Role::kPush && t.entry) error = std::move(error).with_name(t.entry->name);
  if (t.role == Role::kPush && t.source.ever_done) error = std::move(error).with_may_have_arrived();
  return error;
}

/// Ends a transfer, whatever its role and phase. The user's outcome comes now, or as soon as the memory is safe.
void Core::Impl::fail(Transfer& t, Error error, TimePoint now) {
  if (t.phase == Phase::kQuieting && std::exchange(t.target.again, false)) {  // it is not asked again after all
    t.error = std::move(error);
    if (!t.target.direct_into) tell(t, *t.error);
    return;
  }
  if (t.phase == Phase::kQuieting || t.phase == Phase::kDraining) return;
  if (t.role == Role::kPull && t.pull.names.size() == 1 && error.context().name.empty())
    error = std::move(error).with_name(t.pull.names.front());
  if (!t.error || t.phase != Phase::kWaitSession || error.kind() != ErrorClass::kDeadlineExceeded)
    t.error = error;
  else
    t.error = lost_error(t, *t.error);
  ++stats_.failed;
  Session* s = session_of(t);
  const bool heard_of = t.phase != Phase::kNew && t.phase != Phase::kWaitSession && t.phase != Phase::kWaitRoom;
  if (s != nullptr && !s->closing && heard_of && t.role != Role::kPing) {
    if (t.role == Role::kReceive) remember_refusal(*s, t.id.sequence, *t.error, now);
    if (t.role == Role::kReceive && t.phase != Phase::kHeld) {
      send_receipt(*s, t, now);  // says why not; its sender ends with it
    } else if (t.role == Role::kReceive) {
      answer_failure(*s, ref_of(t), *t.error, now);
    } else if (!t.is_source() && !std::exchange(t.cancel_sent, true)) {
      if (RingShare* share = t.role == Role::kMember ? share_of(t) : nullptr) say_credit(t, *s, *share, now);
      send(*s, wire::Cancel{.transfer = ref_of(t), .why = t.error->kind()}, now);
    } else if (t.is_source() && !t.source.round_open && !std::exchange(t.cancel_sent, true)) {
      if (t.role == Role::kServe)
        answer_failure(*s, ref_of(t), *t.error, now);
      else
        send(*s, wire::Cancel{.transfer = ref_of(t), .why = t.error->kind()}, now);
    }
  }
  if (t.phase == Phase::kHeld) {
    --held_;
    actions_.push(OfferGone{.transfer = t.key});
  }
  if (t.role == Role::kServe) t.told = true;
  if (t.role == Role::kReceive && !t.accepted) t.told = true;
  const bool opened = t.phase != Phase::kWaitSession && t.phase != Phase::kWaitRoom && t.phase != Phase::kNew;
  // Posts of a session that was lost may still read the memory, whatever the call waits for now.
  if (t.is_source() && (opened || t.feed || t.source.outstanding != 0 || !t.source.staged.empty()))
    return end_source(t, t.error, now);
  if (t.target.round_open) return begin_quieting(t, now);
  // Between two sessions: what the first one carried may have been delivered.
  if (t.role == Role::kPush && t.source.ever_done) t.error = std::move(*t.error).with_may_have_arrived();
  if (!t.told) tell(t, *t.error);
  finish(t);
}

void Core::Impl::cancel(TransferKey key, ErrorClass why, TimePoint now) {
  Transfer* t = transfers_.find(key);
  if (t == nullptr) return;
  const std::uint64_t moved =
      t->is_source() ? t->source.pieces_posted * t->source.bytes.space.piece_bytes() : t->target.bytes_arrived;
  fail(*t,
       Error(why, "transfer",
             t->total == 0 ? std::string("cancelled by the caller")
                           : fmt::format("cancelled by the caller after {} of {}",
                                         human_bytes(std::min(moved, t->total)), human_bytes(t->total))),
       now);
}

void Core::Impl::cancel_reading(const Entry& entry, TimePoint now) {
  reader_.current();  // lets go of a snapshot that still holds the entry
  transfers_.for_each([&](Key, Transfer& t) {
    if (!t.is_source()) return;
    const bool reads = std::any_of(t.source.bytes.items.begin(), t.source.bytes.items.end(),
                                   [&](const SourceItem& item) { return item.entry.get() == &entry; });
    if (!reads && t.entry.get() != &entry) return;
    t.hurried = true;
    if (t.phase == Phase::kDraining) {
      t.phase_since = now;
      return schedule(t);
    }
    fail(t, Error(ErrorClass::kCancelled, "transfer", "its source is no longer lent").with_name(entry.name), now);
  });
}

void Core::Impl::shut_down(TimePoint now) {
  shutting_down_ = true;
  const Error why = Error(ErrorClass::kShuttingDown, "transfer", "this node is stopping");
  transfers_.for_each([&](Key, Transfer& t) { fail(t, why, now); });
  rings_.for_each([&](Key key, GrainRing&) { close_ring(RingKey{key}, now); });
  sessions_.for_each([&](Key, Session& s) { close_session(s.key, why, now); });
}

void Core::Impl::tell(Transfer& t, decltype(Outcome::result) result) {
  if (std::exchange(t.told, true)) return;
  if (auto* error = std::get_if<Error>(&result); error != nullptr && t.role == Role::kReceive)
    result = ReceiveFailed{.error = *error};
  outcomes_.push(Outcome{.transfer = t.key, .cookie = t.cookie, .id = t.id, .result = std::move(result)});
}

void Core::Impl::finish(Transfer& t) {
  const TransferKey key = t.key;
  Session* s = session_of(t);
  if (t.ours()) ours_.erase(t.id.sequence);
  if (t.target.round_open) close_round(t);
  if (t.role == Role::kMember || (t.feed && t.feed->here)) leave_share(t);
  TimePoint now = t.progress_at;
  if (s != nullptr) {
    if (!t.ours()) s->theirs.erase(t.id.sequence);
    if (t.is_source()) deactivate(*s, t);
    if (t.counted) --s->open_ours;
    if (s->transfers > 0) --s->transfers;
    if (t.role == Role::kServe) s->items_held -= std::min<std::uint64_t>(s->items_held, t.source.bytes.items.size());
    s->idle_since = std::max(s->idle_since, now);
  }
  if (t.role == Role::kFeed || t.role == Role::kMember) --grain_transfers_;
  let_go_attachments(t.source);
  transfers_.give_back(key);
  if (s != nullptr) leave_room(*s, now);
}

}  // namespace weft::transfer
