#include <algorithm>
#include <utility>

#include <weft/transfer/core_impl.hpp>

/// Pulls by handle whose size is known: the grant goes out with the request, and the bytes come after one round trip.
namespace weft::transfer {

/// Lays out the byte space and opens round 0; its grant then carries the request (send_grant). False: the request goes
/// alone, and an offer will answer it.
bool Core::Impl::begin_early(Transfer& t, Session& s, TimePoint now) {
  Target& target = t.target;
  target.reset();
  const bool known = t.role == Role::kPull && t.pull.known_bytes > kInlineBytes && t.pull.handles.size() == 1 &&
                     t.pull.generation.kind == wire::GenerationRuleKind::kAny;
  if (!known || t.pull.known_bytes > options_.max_transfer_bytes) return false;
  if (t.pull.max_bytes != 0 && t.pull.known_bytes > t.pull.max_bytes) return false;
  const bool any_rail = std::any_of(s.rails.begin(), s.rails.end(), [&](const Rail& r) {
    return r.up() && (t.lane == Lane::kAuto || r.lane == t.lane);
  });
  if (!any_rail) return false;
  target.space.reset(s.piece_bytes);
  if (!target.space.add(t.pull.known_bytes)) return false;
  if (!t.pull.into.empty() && t.pull.into.front().data != nullptr) {
    const Into& into = t.pull.into.front();
    if (!lands_directly(into)) return false;
    const std::uint64_t room = into.selection ? into.selection->bytes() : into.size;
    if (into.selection ? room != t.pull.known_bytes : room < t.pull.known_bytes) return false;
    target.direct_into = true;
    target.map.set_into(into, target.space.total());
  }
  t.total = target.space.total();
  prepare_leaves(target);
  target.early = true;
  want_landing(t, now);
  return true;
}

void Core::Impl::on_granted(Session& s, Transfer& t, const wire::Response& m, TimePoint now) {
  Target& target = t.target;
  target.early = false;
  if (t.phase != Phase::kMoving) return;  // cancelled meanwhile: `done` follows
  t.progress_at = now;
  Result<void> taken;
  if (m.entries.size() != 1 || !m.entries[0].ok || m.entries[0].bytes != target.space.payload())
    taken = weft::fail(ErrorClass::kMalformed, "get", "the answer is not what the grant was taken for");
  if (taken) taken = take_answers(t, m.entries, true);  // the caller's memory was found fit before it was exposed
  if (!taken) return fail(t, std::move(taken).error(), now);
  for (const Rail& r : s.rails)
    if (r.up()) join(t, s, r);
  check_round(t, now);
}

/// The answer makes no use of the grant: nothing was posted under it. False when the call is over by that.
bool Core::Impl::void_early(Transfer& t, TimePoint now) {
  Target& target = t.target;
  target.early = false;
  target.done = true;
  for (RoundRail& rr : target.rails) rr.posted = 0;
  if (t.phase == Phase::kQuieting) {
    check_round(t, now);
    return false;
  }
  if (!round_quiet(t)) {
    fail(t, Error(ErrorClass::kMalformed, "get", "pieces came under a grant that was not taken"), now);
    return false;
  }
  close_round(t);
  target.reset();
  t.phase = Phase::kWaitAnswer;
  return true;
}

}  // namespace weft::transfer
