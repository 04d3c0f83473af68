#include <algorithm>
#include <cassert>

#include <weft/transfer/canary.hpp>
#include <weft/transfer/core_impl.hpp>

/// What a target of grains tells its initiators: what arrived, and what may be written. On the rail that the grains
/// come over, where that carries messages, else on the session's stream. Both numbers only grow, so that one told late
/// or twice changes nothing; what a lost rail may have lost, the stream says again.
namespace weft::transfer {
namespace {

constexpr Duration kCreditAfter = std::chrono::microseconds(500);  // arrivals are told in bunches
constexpr Duration kCreditApart = std::chrono::microseconds(100);  // even where the initiator waits for each
constexpr std::uint32_t kCreditBytes = 128;                        // at most, as a message

}  // namespace

/// Says it when it is worth a message; else it is due a little later.
void Core::Impl::credit(Transfer& t, RingShare& share, TimePoint now) {
  if (t.phase != Phase::kMoving || t.target.done || share.queued) return;
  const std::uint64_t fresh = share.granted - share.told_granted;
  const std::uint64_t untold = share.sends - share.told_sends;
  if (fresh == 0 && untold == 0) return;
  const std::uint64_t bunch = std::max<std::uint64_t>(1, share.count / 4);
  const bool starved = share.told_granted == share.next && fresh != 0;
  const bool worth = fresh >= bunch || untold >= bunch || starved;
  const TimePoint due = worth ? now : share.asked ? std::max(now, share.credit_at + kCreditApart) : now + kCreditAfter;
  if (due > now) {
    if (due < share.credit_due) {
      share.credit_due = due;
      schedule(t);
    }
    return;
  }
  Session* s = session_of(t);
  if (s == nullptr || s->closing) return;
  Rail* r = credit_rail(t, *s);
  if (r == nullptr) return say_credit(t, *s, share, now);
  share.queued = true;
  share.credit_due = kNever;
  r->credits.push(t.key);
  set_ready(*s, *r);
}

/// The rail that its grains come over, once one has come: whoever wrote it has heard `slots`, which the stream carries
/// and a message on the rail could overtake. Null where it carries no messages.
Rail* Core::Impl::credit_rail(const Transfer& t, Session& s) {
  for (const RoundRail& rr : t.target.rails) {
    if (!rr.has_slot || rr.pending || rr.gone || rr.arrived == 0 || rr.rail == 0) continue;
    Rail* r = rail(s, rr.rail);
    if (r != nullptr && r->up() && r->traits.max_message >= kCreditBytes) return r;
  }
  return nullptr;
}

/// On the stream. Also the last word of a target that closes: what arrived has arrived.
void Core::Impl::say_credit(Transfer& t, Session& s, RingShare& share, TimePoint now) {
  share.told();
  share.told_by_stream();
  share.credit_at = now;
  share.credit_due = kNever;
  share.asked = false;
  send(s, wire::Credit{.sequence = t.id.sequence, .granted = share.granted, .arrived = share.sends}, now);
}

/// The next credit that is to be said on this rail, with what is true by now.
bool Core::Impl::build_credit(Session& s, Rail& r) {
  for (; !r.credits.empty(); r.credits.pop()) {
    const Transfer* t = transfers_.find(r.credits.front());
    RingShare* share = t == nullptr ? nullptr : share_of(*t);
    if (share == nullptr || !share->queued) continue;
    const auto frame = t->phase == Phase::kMoving && !t->target.done
                           ? encoder_.encode(wire::Credit{
                                 .sequence = t->id.sequence, .granted = share->granted, .arrived = share->sends})
                           : std::span<const std::byte>{};
    if (!frame || frame->empty()) {  // the stream had its last word, or has it with the next slots
      share->queued = false;
      continue;
    }
    assert(frame->size() <= kCreditBytes);
    if (!spare_message_) spare_message_ = posts_.take();
    PostRecord& post = *posts_.find(spare_message_);
    post.is_message = true;
    post.session = s.key;
    post.rail = r.number;
    post.message.assign(frame->begin(), frame->end());
    pending_.message = spare_message_;
    pending_.transfer = t->key;
    return true;
  }
  return false;
}

void Core::Impl::credit_posted(Rail& r, TimePoint now) {
  r.credits.pop();
  spare_message_ = {};
  RingShare& share = *share_of(*transfers_.find(pending_.transfer));
  share.queued = false;
  share.told();
  share.credit_at = now;
  share.asked = false;
}

/// The rail does not take it now: its peer may have no receive for it, or never any.
void Core::Impl::declined(TimePoint now) {
  Session* s = sessions_.find(pending_.rail.session);
  if (s == nullptr || !pending_.post.is_message || pending_.rail.number == 0) return;
  if (pending_.queued) return exchange_declined(*s, *rail(*s, pending_.rail.number));
  rail(*s, pending_.rail.number)->credits.pop();
  Transfer& t = *transfers_.find(pending_.transfer);
  RingShare& share = *share_of(t);
  share.queued = false;
  say_credit(t, *s, share, now);
}

/// Its rail is gone, and perhaps with it what was told there.
void Core::Impl::credit_lost(Transfer& t, Session& s, TimePoint now) {
  RingShare* share = share_of(t);
  if (share == nullptr) return;
  share->queued = false;
  const bool heard = share->stream_granted == share->told_granted && share->stream_sends == share->told_sends;
  if (!heard && !s.closing && !t.target.done && !WEFT_CANARY(kForgetLostCredits)) say_credit(t, s, *share, now);
}

void Core::Impl::credit_timer(Transfer& t, TimePoint now) {
  RingShare* share = share_of(t);
  if (share == nullptr || now < share->credit_due) return;
  share->credit_due = kNever;
  share->asked = true;
  share->credit_at = std::min(share->credit_at, now - kCreditApart);
  credit(t, *share, now);
}

}  // namespace weft::transfer
