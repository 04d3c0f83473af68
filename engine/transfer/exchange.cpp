#include <algorithm>
#include <utility>

#include <weft/transfer/canary.hpp>
#include <weft/transfer/core_impl.hpp>

/// Exchanges of two small messages (request and response, offer and receipt) on a rail that carries messages. What a
/// lost rail may have lost its opener says again on the session's stream; both ends stand being told twice, in any
/// order and late.
namespace weft::transfer {
namespace {

constexpr std::size_t kQueuedOnRail = 256;  // further ones take the stream
constexpr std::size_t kCancelsKept = 64;    // of a session: whose opening message may still be on a rail

bool takes_exchanges(const Rail& r) {
  return r.number != 0 && r.up() && r.traits.max_message != 0 && may_carry_exchanges(r.lane);
}

}  // namespace

/// The rail for what opens an exchange, 0: the stream.
std::uint16_t Core::Impl::exchange_rail(const Session& s, Lane asked) const {
  if (s.closing) return 0;
  for (const Rail& r : s.rails)
    if (takes_exchanges(r) && (asked == Lane::kAuto || asked == r.lane)) return r.number;
  return 0;
}

/// Queues a message on the rail if that takes it: it is up, and the message is short enough.
bool Core::Impl::queue_on_rail(Session& s, std::uint16_t number, Key message) {
  Rail* r = number == 0 ? nullptr : rail(s, number);
  PostRecord& post = *posts_.find(message);
  if (r == nullptr || !takes_exchanges(*r) || post.bytes > r->traits.max_message || r->out.size() >= kQueuedOnRail)
    return false;
  post.rail = number;
  r->out.push(message);
  ++stats_.rail_messages;
  set_ready(s, *r);
  return true;
}

/// The rail did not take it now: it goes on the stream.
void Core::Impl::exchange_declined(Session& s, Rail& r) {
  const Key key = r.out.pop();
  PostRecord& post = *posts_.find(key);
  post.rail = 0;
  s.queued_bytes += post.bytes;
  s.out.push(key);
  // Nothing is heard behind the bye.
  if (const std::size_t queued = s.out.size(); queued > 1 && s.out.at(queued - 2) == s.bye)
    std::swap(s.out.at(queued - 1), s.out.at(queued - 2));
  set_ready(s, 0);
  --stats_.rail_messages;
  if (Transfer* t = transfers_.find(post.transfer); t != nullptr && t->ours()) t->by_rail = 0;
}

/// The rail is down. What was said on it and has no answer is said again, on the stream; what it was to answer is asked
/// again by its opener.
void Core::Impl::exchanges_lost(Session& s, Rail& r, TimePoint now) {
  while (!r.out.empty()) posts_.give_back(r.out.pop());
  r.messages = 0;
  if (s.closing) set_ready(s, 0);  // the bye may have waited
  const std::uint16_t number = r.number;
  transfers_.for_each([&](Key, Transfer& t) {
    if (t.session != s.key || !t.ours() || t.by_rail != number) return;
    t.by_rail = 0;
    if (s.closing || WEFT_CANARY(kForgetLostExchanges)) return;
    if (t.role == Role::kPull && t.phase == Phase::kWaitAnswer) send_request(t, s, now);
    if (t.role == Role::kPush && t.phase == Phase::kWaitReceipt) send_push_offer(t, s, now, true);
  });
}

/// The opener of this one has given up. Its first message may still come over a rail, or come twice.
void Core::Impl::note_cancel(Session& s, std::uint64_t sequence) {
  if (!s.exchanged) return;
  if (s.cancelled.size() < kCancelsKept) return s.cancelled.push_back(sequence);
  s.cancelled[s.next_cancelled++ % kCancelsKept] = sequence;
}

bool Core::Impl::was_cancelled(const Session& s, std::uint64_t sequence) const {
  return std::ranges::find(s.cancelled, sequence) != s.cancelled.end();
}

/// A push that is refused, and whose offer may come a second time: it must be refused then too.
void Core::Impl::remember_refusal(const Session& s, std::uint64_t sequence, const Error& why, TimePoint now) {
  if (!s.exchanged) return;
  once_.remember({s.spec.peer, s.incarnation}, {.sequence = sequence, .ok = false, .error = why.kind()}, now);
}

/// The bye waits until the session's rails have nothing to say any more, and all they said is at the peer.
bool Core::Impl::bye_waits(Session& s) {
  if (s.out.empty() || s.out.front() != s.bye) return false;
  return std::ranges::any_of(s.rails, [](Rail& r) { return r.up() && (r.messages != 0 || !r.out.empty()); });
}

/// What breaks a bound ends the rail, not the session, by which it is not authenticated. It may come before the rail is
/// told to be up, whose pass was checked by then.
void Core::Impl::on_rail_message(RailRef ref, std::span<const std::byte> frame, TimePoint now) {
  Session* s = sessions_.find(ref.session);
  Rail* r = s == nullptr ? nullptr : rail(*s, ref.number);
  if (r == nullptr || (!r->up() && r->state != Rail::State::kDialling) || !s->established || s->closing) return;
  s->last_heard = now;
  auto decoded = decoder_.decode(frame);
  if (!decoded) return close_rail(*s, *r, std::string(decoded.error().message()), now);
  const wire::Message& message = decoded->message;
  if (const auto* credit = std::get_if<wire::Credit>(&message)) {
    if (Transfer* t = find(*s, {.sequence = credit->sequence, .opened_by_sender = false}))
      on_credit(*s, *t, *credit, now);
    return;
  }
  if (const auto* m = std::get_if<wire::Request>(&message); m != nullptr && !m->has_grant)
    return on_request(*s, *m, now, ref.number);
  if (const auto* m = std::get_if<wire::Response>(&message); m != nullptr && !m->granted && !m->more)
    return on_response(*s, *m, decoded->payload, now, ref.number);
  if (const auto* m = std::get_if<wire::Offer>(&message); m != nullptr && m->transfer.opened_by_sender && m->is_inline)
    return on_push_offer(*s, *m, decoded->payload, now, ref.number);
  if (const auto* m = std::get_if<wire::Receipt>(&message)) {
    if (Transfer* t = find(*s, m->transfer)) on_receipt(*s, *t, *m, now);
    return;
  }
  close_rail(*s, *r, "a message that is not for rails", now);
}

}  // namespace weft::transfer
