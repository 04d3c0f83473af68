#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/transfer/core_impl.hpp>

/// How calls end, whatever their role.
namespace weft::transfer {

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
