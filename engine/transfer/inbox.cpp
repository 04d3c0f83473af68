#include <algorithm>
#include <utility>

#include <weft/transfer/canary.hpp>
#include <weft/transfer/core_impl.hpp>
#include <weft/wire/digest.hpp>

/// Pushes from peers: asked about, held, landed, receipted.
namespace weft::transfer {

void Core::Impl::on_push_offer(Session& s, const wire::Offer& m, std::span<const std::byte> payload, TimePoint now,
                               std::uint16_t by) {
  const wire::TransferRef ref{.sequence = m.transfer.sequence, .opened_by_sender = false};
  const auto refuse = [&](const Error& why) {
    remember_refusal(s, ref.sequence, why, now);
    answer_failure(s, ref, why, now);
  };
  if (m.entries.size() != 1 || !m.entries[0].ok || m.entries[0].name.empty())
    return refuse(Error(ErrorClass::kMalformed, "push", "an offer of nothing"));
  if (s.theirs.find(ref.sequence) != nullptr || was_cancelled(s, ref.sequence)) return;
  if (!WEFT_CANARY(kDeliverTwice)) {
    if (const OnceTable::Known* known = once_.find({s.spec.peer, s.incarnation}, ref.sequence)) {
      send(s,
           wire::Receipt{.transfer = ref,
                         .ok = known->ok,
                         .error = known->error,
                         .bytes = known->bytes,
                         .generation = known->generation,
                         .digest = known->digest,
                         .verify = known->verify,
                         .lane = known->lane},
           now, {}, {}, by);
      return;
    }
    if (once_.forgotten({s.spec.peer, s.incarnation}, ref.sequence))
      return refuse(Error(ErrorClass::kStale, "push", "too old to tell whether it arrived"));
  }
  if (auto allowed = options_.access.allows(s.spec.peer, s.spec.same_host, AccessVerb::kPush, m.entries[0].name);
      !allowed)
    return refuse(allowed.error());
  if (s.theirs.size() >= 2ull * kMaxOpenTransfers || held_ >= kMaxHeldOffers)
    return refuse(Error(ErrorClass::kOverloaded, "push", "too many offers wait here").with_hint("try again later"));
  if (shutting_down_) return refuse(Error(ErrorClass::kShuttingDown, "push", "the node is stopping"));

  Transfer& t = open_theirs(Role::kReceive, s, ref.sequence, now);
  const TransferKey key = t.key;
  t.verify = m.verify;
  t.explicit_end = m.deadline_ns == 0 ? kNever : now + Duration(std::min<std::uint64_t>(m.deadline_ns, 1ull << 60));
  t.name = m.entries[0].name;
  t.phase = Phase::kHeld;
  ++held_;
  auto taken = take_answers(t, m.entries);
  if (taken && t.total != m.total)
    taken = weft::fail(ErrorClass::kMalformed, "push", "the byte space is not what both sides compute");
  if (taken && m.is_inline && payload.size() != t.total)
    taken = weft::fail(ErrorClass::kMalformed, "push", "the bytes announced did not come");
  if (taken && m.is_inline && t.total > kInlineBytes)
    taken = weft::fail(ErrorClass::kMalformed, "push", "too large to be inline");
  if (!taken) return fail(t, std::move(taken).error(), now);
  t.target.is_inline = m.is_inline;
  t.by_rail = by;
  t.used = rail(s, by)->lane;
  if (m.is_inline) t.target.inline_bytes.assign(payload.begin(), payload.end());
  const TargetItem& item = t.target.items.front();
  actions_.push(AskOffer{.transfer = key,
                         .from = t.peer,
                         .name = t.name,
                         .meta = item.meta,
                         .bytes = item.bytes,
                         .generation = item.generation});
  schedule(t);
}

void Core::Impl::on_decision(TransferKey key, Decision decision, TimePoint now) {
  Transfer* t = transfers_.find(key);
  if (t == nullptr || t->phase != Phase::kHeld) return;
  if (auto* refused = std::get_if<Error>(&decision)) return fail(*t, std::move(*refused), now);
  const Accept& accept = std::get<Accept>(decision);
  --held_;
  t->accepted = true;
  t->progress_at = now;
  t->phase = Phase::kWaitLanding;
  Session* s = session_of(*t);
  if (accept.into != nullptr) {
    if (accept.size < t->total)
      return fail(
          *t, Error(ErrorClass::kResourceExhausted, "receive", "the destination is smaller than what is pushed"), now);
    t->target.direct_into = true;
    t->target.map.set_dense(accept.into, t->total);
    if (t->target.is_inline) return finish_inline(*t, now);
    if (t->total == 0) return complete(*t, now);
    if (s != nullptr) want_rail(*s, t->lane, now);
    return open_round(*t, now);
  }
  if (s != nullptr && !t->target.is_inline) want_rail(*s, t->lane, now);
  want_landing(*t, now);
}

OnceTable::Known Core::Impl::outcome_of(const Transfer& t) const {
  const bool ok = !t.error;
  const TargetItem* item = t.target.items.empty() ? nullptr : &t.target.items.front();
  return {.sequence = t.id.sequence,
          .ok = ok,
          .error = ok ? ErrorClass::kInternal : t.error->kind(),
          .bytes = t.target.space.payload(),
          .generation = item == nullptr ? Generation{} : item->generation,
          .digest = item == nullptr ? Digest{} : item->digest,
          .verify = t.verify,
          .lane = t.used};
}

/// The receiver's word.
void Core::Impl::send_receipt(Session& s, Transfer& t, TimePoint now) {
  const OnceTable::Known known = outcome_of(t);
  // Of a pull nobody would ask for it again.
  const std::uint16_t by = t.role == Role::kReceive && known.ok ? t.by_rail : 0;
  send(s,
       wire::Receipt{.transfer = ref_of(t),
                     .ok = known.ok,
                     .error = known.error,
                     .text = known.ok ? std::string_view{} : t.error->message().substr(0, kMaxErrorTextBytes),
                     .bytes = known.bytes,
                     .generation = known.generation,
                     .digest = known.digest,
                     .verify = known.verify,
                     .lane = known.lane},
       now, {}, {}, by);
}

}  // namespace weft::transfer
