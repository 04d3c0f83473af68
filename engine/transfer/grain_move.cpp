#include <algorithm>
#include <utility>

#include <weft/transfer/core_impl.hpp>

/// A ring goes over to a better rail that has come up, mostly from the stream back to a rail that was lost.
///
/// The target exposes its share over that rail too and says so by `slots`. The initiator posts nothing more on the rail
/// in use, waits until all that is out has arrived and been told, and goes on over the other. So no grain is under way
/// on two rails, none is sent twice, and their order holds. The first grain on the new rail tells the target that the
/// old one is quiet, which then takes those exposures back. When the new rail is lost before, the target names the old
/// one again, by the same slot: an initiator that has not left it goes on as if nothing had been said, one that has
/// sends again what had not arrived, as after every loss.
namespace weft::transfer {
namespace {

// As long as it has gone without, it waits for the next look.
constexpr Duration kLookAtFirst = std::chrono::seconds(1);
constexpr Duration kLookAtLast = std::chrono::seconds(30);

}  // namespace

Rail* Core::Impl::best_rail(Session& s, Lane lane) {
  Rail* best = nullptr;
  for (Rail& r : s.rails)
    if (r.up() && r.traits.ordered && (lane == Lane::kAuto || lane == r.lane) &&
        (best == nullptr || rank(r.lane) > rank(best->lane)))
      best = &r;
  return best;
}

Lane Core::Impl::lane_of_ring(const Transfer& t) {
  const GrainRing* ring = rings_.find(t.ring);
  return ring == nullptr ? Lane::kAuto : ring->lane;
}

void Core::Impl::look_later(Transfer& t, const Session& s, TimePoint now) {
  const bool better = lane_of_ring(t) == Lane::kAuto &&
                      std::any_of(s.spec.rail_lanes.begin(), s.spec.rail_lanes.end(),
                                  [&](const wire::LaneOffer& offer) { return rank(offer.lane) > rank(t.used); });
  t.look_at = better ? now + std::clamp(now - t.phase_since, kLookAtFirst, kLookAtLast) : kNever;
  schedule(t);
}

void Core::Impl::look_for_rail(Transfer& t, TimePoint now) {
  Session* s = session_of(t);
  if (s == nullptr || s->closing) {
    t.look_at = kNever;
    return;
  }
  want_rail(*s, lane_of_ring(t), now);
  move_share(t, *s);
  look_later(t, *s, now);
}

void Core::Impl::move_share(Transfer& t, Session& s) {
  const RingShare* share = share_of(t);
  if (share == nullptr || share->moving || t.phase != Phase::kMoving || t.target.done || s.closing) return;
  const bool between = std::any_of(t.target.rails.begin(), t.target.rails.end(),
                                   [](const RoundRail& rr) { return rr.has_slot && (rr.pending || rr.gone); });
  const Rail* best = best_rail(s, lane_of_ring(t));
  if (!between && best != nullptr && rank(best->lane) > rank(t.used)) expose_share(t, s, *best);
}

/// Before `slots` tell of a rail: whether another is in use.
void Core::Impl::note_move(Transfer& t, const RoundRail& to) {
  const bool used = std::any_of(t.target.rails.begin(), t.target.rails.end(), [&](const RoundRail& rr) {
    return &rr != &to && rr.has_slot && !rr.pending && !rr.gone;
  });
  if (used) share_of(t)->moving = to.slot;
  if (const Rail* r = used || session_of(t) == nullptr ? nullptr : rail(*session_of(t), to.rail)) t.used = r->lane;
}

/// A grain came over the new rail: all that went over the old one has been counted.
void Core::Impl::moved(Transfer& t, RingShare& share, const RoundRail& to) {
  share.moving.reset();
  for (RoundRail& rr : t.target.rails) {
    if (&rr == &to || !rr.has_slot || rr.pending) continue;
    rr.revoke();
    slots_.give_back(rr.slot);
    rr.has_slot = false;
  }
  Session* s = session_of(t);
  if (const Rail* r = s == nullptr ? nullptr : rail(*s, to.rail)) t.used = r->lane;
}

/// One of two rails is lost, and what its initiator makes of that is not known: the other is named again.
void Core::Impl::stay(Transfer& t, TimePoint now) {
  Session* s = session_of(t);
  RingShare* share = share_of(t);
  if (s == nullptr || s->closing || share == nullptr) return;
  if (std::exchange(share->moving, std::nullopt))
    for (const RoundRail& rr : t.target.rails) {
      if (!rr.has_slot || rr.pending || rr.gone) continue;
      if (const Rail* r = rail(*s, rr.rail)) t.used = r->lane;
      send_slots(t, rr, now);
    }
  look_later(t, *s, now);
}

/// The initiator hears of a rail while another is in use.
void Core::Impl::hear_move(Session& s, Transfer& t, GrainWay&& way, const wire::Slots& m, TimePoint now) {
  GrainFeed& f = *t.feed;
  const SourceRail& in_use = t.source.rails[static_cast<std::size_t>(f.rail)];
  const Rail* r = rail(s, way.rail);
  const bool stays = way.rail == in_use.rail && way.slot == in_use.slot;
  const bool comes = r != nullptr && r->state != Rail::State::kClosing && r->state != Rail::State::kDown &&
                     (t.lane == Lane::kAuto || t.lane == r->lane);
  if (!stays && comes)
    f.move = std::move(way);
  else
    f.move.reset();
  set_ready(s, in_use.rail);
  hear_arrivals(t, m.granted, m.arrived);
  t.progress_at = now;
  maybe_move(s, t);
  maybe_left(t, now);
}

void Core::Impl::maybe_move(Session& s, Transfer& t) {
  GrainFeed& f = *t.feed;
  if (!f.move || f.posted != 0 || f.offset != 0 || t.source.ending) return;
  take_way(s, t, *std::exchange(f.move, std::nullopt));
}

/// Grains go over this rail from now on.
void Core::Impl::take_way(Session& s, Transfer& t, GrainWay&& way) {
  GrainFeed& f = *t.feed;
  std::vector<SourceRail>& rails = t.source.rails;
  deactivate(s, t);
  const auto is_way = [&](const SourceRail& sr) { return sr.rail == way.rail && sr.slot == way.slot; };
  std::erase_if(rails, [&](const SourceRail& sr) {
    const Rail* old = rail(s, sr.rail);
    return !is_way(sr) && (sr.left || (sr.gone && (old == nullptr || old->state == Rail::State::kDown)));
  });
  for (SourceRail& sr : rails)
    if (!std::exchange(sr.gone, true)) sr.left = true;  // the one in use
  // One that was left and is named again has the count of what went over it before.
  auto at = std::find_if(rails.begin(), rails.end(), is_way);
  if (at == rails.end()) at = rails.insert(at, {.rail = way.rail, .slot = way.slot});
  const Rail* r = rail(s, way.rail);
  at->gone = r == nullptr || r->state == Rail::State::kClosing || r->state == Rail::State::kDown;
  at->left = false;
  f.rail = static_cast<int>(at - rails.begin());
  f.places = std::move(way.places);
  f.regions = std::move(way.regions);
  f.move.reset();
  activate(s, t);
}

}  // namespace weft::transfer
