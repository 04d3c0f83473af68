#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <weft/transfer/canary.hpp>
#include <weft/transfer/core_impl.hpp>
#include <weft/wire/digest.hpp>

/// The receiving half's rounds: rails exposed, grants sent, arrivals counted, last words heard, quiet awaited.
namespace weft::transfer {

/// Draws a slot for a rail of the round and asks for the exposure. False when no slot is free.
bool Core::Impl::expose_rail(Transfer& t, Session& s, const Rail& r) {
  Target& target = t.target;
  const auto slot = slots_.draw({.transfer = t.key, .rail_index = static_cast<std::uint16_t>(target.rails.size())});
  if (!slot) return false;
  target.rails.push_back({.rail = r.number, .slot = *slot, .has_slot = true, .pending = true});
  actions_.push(Expose{.transfer = t.key,
                       .rail = {.session = s.key, .number = r.number},
                       .region = {.data = target.map.base(), .size = static_cast<std::size_t>(target.map.extent())}});
  return true;
}

/// Asks for the exposure of every rail this round may use.
Core::Impl::Exposed Core::Impl::expose_rails(Transfer& t, Session& s, TimePoint now) {
  const auto usable = [&](const Rail& r) {
    if (!r.up()) return false;
    if (t.lane != Lane::kAuto && r.lane != t.lane) return false;
    return true;
  };
  int best = -1;
  for (const Rail& r : s.rails)
    if (usable(r)) best = std::max(best, rank(r.lane));
  if (best < 0) return Exposed::kNoRail;
  for (const Rail& r : s.rails)
    if (usable(r) && rank(r.lane) == best && !expose_rail(t, s, r)) break;
  if (t.target.rails.empty()) return Exposed::kNoSlot;
  t.phase_since = now;
  return Exposed::kAsked;
}

void Core::Impl::wait_to_open(Transfer& t, Duration look_in, TimePoint now) {
  t.phase = Phase::kWaitSlots;
  if (std::exchange(t.target.round_open, false)) --open_rounds_;
  t.look_at = now + look_in;
  schedule(t);
}

/// Opens the round `target.round` for the pieces in `target.wanted`.
void Core::Impl::open_round(Transfer& t, TimePoint now) {
  Session* s = session_of(t);
  if (s == nullptr || s->closing) return fail(t, Error(ErrorClass::kPeerLost, "transfer", "the session ended"), now);
  Target& target = t.target;
  target.rails.clear();
  target.done = false;
  target.done_ok = true;
  target.done_error.reset();
  if (t.phase != Phase::kWaitSlots) t.phase_since = now;
  t.phase = Phase::kMoving;
  t.arrival_at = now;
  if (!std::exchange(target.round_open, true)) ++open_rounds_;
  want_rail(*s, t.lane, now);  // also when an earlier round's was fenced
  const Exposed exposed = expose_rails(t, *s, now);
  if (exposed == Exposed::kNoSlot) {
    if (!std::exchange(t.starving, true)) starving_.push(t.key);
    return wait_to_open(t, std::chrono::seconds(2), now);
  }
  if (exposed == Exposed::kNoRail) {
    const bool offered = std::any_of(s->spec.rail_lanes.begin(), s->spec.rail_lanes.end(),
                                     [&](const wire::LaneOffer& offer) { return offer.lane == t.lane; });
    // The lane asked for may still be coming up: join_rail opens the round then.
    if (offered && now - t.phase_since < kLaneComesUp) return wait_to_open(t, kLaneComesUp / 4, now);
    const auto why = std::find_if(s->refused.rbegin(), s->refused.rend(),
                                  [&](const auto& refused) { return refused.first == t.lane; });
    return fail(t,
                Error(ErrorClass::kUnsupported, "transfer",
                      fmt::format("lane {} is not up with this peer: {}", to_string(t.lane),
                                  why == s->refused.rend() ? "it is not one of this node's" : why->second))
                    .with_lane(std::string(to_string(t.lane)))
                    .with_peer(s->label())
                    .with_hint("weft info tells which lanes this host has, weft explain which the two share"),
                now);
  }
  schedule(t);
}

void Core::Impl::on_exposed(TransferKey key, RailRef ref, Result<lane::ExposurePtr> exposure, TimePoint now) {
  Transfer* t = transfers_.find(key);
  if (t == nullptr) return;
  Target& target = t->target;
  if (t->role == Role::kMember) return on_region_exposed(*t, ref, std::move(exposure), now);
  for (RoundRail& rr : target.rails) {
    if (rr.rail != ref.number || !rr.pending) continue;
    rr.pending = false;
    if (exposure && t->phase == Phase::kMoving && !rr.gone) {
      rr.exposure = std::move(*exposure);
      break;
    }
    rr.gone = true;  // never granted: nothing can land
    if (std::exchange(rr.has_slot, false)) slots_.give_back(rr.slot);
    break;
  }
  const bool waiting =
      std::any_of(target.rails.begin(), target.rails.end(), [](const RoundRail& rr) { return rr.pending; });
  if (waiting) return;
  if (t->phase != Phase::kMoving) return check_round(*t, now);
  const bool any = std::any_of(target.rails.begin(), target.rails.end(),
                               [](const RoundRail& rr) { return rr.has_slot && !rr.gone; });
  if (!any) {
    Session* s = session_of(*t);
    const Rail* r = s == nullptr ? nullptr : rail(*s, ref.number);
    if (r != nullptr && r->number != 0 && !exposure && exposure.error().kind() == ErrorClass::kResourceExhausted) {
      give_up_lane(*s, r->lane, exposure.error(), now);
      if (t->lane == Lane::kAuto) return open_round(*t, now);  // nothing was granted: over what is left
    }
    target.done = true;  // nothing was granted, so no last word will come
    return fail(*t, exposure ? Error(ErrorClass::kPeerLost, "transfer", "its rails went down") : exposure.error(), now);
  }
  send_grant(*t, now);
}

void Core::Impl::send_grant(Transfer& t, TimePoint now) {
  Session* s = session_of(t);
  if (s == nullptr) return;
  Target& target = t.target;
  rail_keys_.clear();
  for (RoundRail& rr : target.rails) {
    if (!rr.has_slot || rr.gone || rr.granted) continue;
    rr.granted = true;
    rail_keys_.push_back({.rail = rr.rail, .slot = rr.slot, .key = rr.exposure->key(), .base = rr.exposure->base()});
    if (const Rail* r = rail(*s, rr.rail)) t.used = r->lane;
  }
  const wire::Grant grant{.transfer = ref_of(t),
                          .round = target.round,
                          .where = target.map.where(segments_, pages_),
                          .wanted = target.wanted,
                          .rails = rail_keys_};
  if (target.early) return send_request(t, *s, now, &grant);
  send(*s, grant, now);
}

/// A rail came up: running transfers of its session may use it from now on, by a further grant of the same round.
void Core::Impl::join_rail(Session& s, std::uint16_t number, TimePoint now) {
  transfers_.for_each([&](Key, Transfer& t) {
    if (t.session != s.key || t.is_source()) return;
    if (t.role == Role::kMember) {
      t.phase == Phase::kWaitSlots ? open_share(t, now) : move_share(t, s);
      return;
    }
    const Rail* r = rail(s, number);  // found anew: who opened a share may have asked for another rail
    if (r == nullptr || !r->up()) return;
    if (t.phase == Phase::kWaitSlots && t.lane == r->lane) return open_round(t, now);
    join(t, s, *r);
  });
}

void Core::Impl::join(Transfer& t, Session& s, const Rail& r) {
  Target& target = t.target;
  if (t.phase != Phase::kMoving || !target.round_open || target.done || target.early) return;
  if (t.lane != Lane::kAuto && t.lane != r.lane) return;
  const bool pending =
      std::any_of(target.rails.begin(), target.rails.end(), [](const RoundRail& rr) { return rr.pending; });
  const bool worse = std::any_of(target.rails.begin(), target.rails.end(), [&](const RoundRail& rr) {
    const Rail* other = rail(s, rr.rail);
    return other != nullptr && !rr.gone && rank(other->lane) > rank(r.lane);
  });
  const bool there =
      std::any_of(target.rails.begin(), target.rails.end(), [&](const RoundRail& rr) { return rr.rail == r.number; });
  if (!pending && !worse && !there) expose_rail(t, s, r);
}

void Core::Impl::hash_piece(Transfer& t, std::uint32_t piece) {
  Target& target = t.target;
  const Space::LeafRange range = target.space.leaves_of(piece);
  for (std::uint32_t i = range.first; i < range.first + range.count; ++i) {
    if (bit(target.hashed, i)) continue;
    const Space::Leaf leaf = target.space.leaf(i);
    const std::byte* whole = nullptr;
    std::optional<wire::LeafStream> parts;
    target.map.for_each(leaf.offset, leaf.bytes, [&](const std::byte* data, std::uint64_t length) {
      if (length == leaf.bytes) {
        whole = data;
        return;
      }
      if (!parts) parts.emplace();
      parts->add({data, length});
    });
    target.actual[i] = parts ? parts->leaf() : wire::leaf_of({whole, static_cast<std::size_t>(leaf.bytes)});
    set_bit(target.hashed, i);
  }
}

void Core::Impl::piece_arrived(Transfer& t, std::uint32_t piece, bool hash_now, TimePoint now) {
  Target& target = t.target;
  t.progress_at = t.arrival_at = now;
  if (bit(target.arrived, piece)) return;
  set_bit(target.arrived, piece);
  if (t.phase != Phase::kMoving) return;
  ++target.arrived_count;
  const std::uint64_t bytes = target.space.piece_end(piece) - target.space.piece_begin(piece);
  target.bytes_arrived += bytes;
  stats_.bytes_in += bytes;
  if (!hash_now) return;
  if (t.verify == wire::Verify::kPieces) hash_piece(t, piece);
  if (target.scatter) scatter_piece(t, piece);  // while it is in cache; and no copy of all of it holds up the loop
}

void Core::Impl::hear_leaves(Transfer& t, std::uint32_t first, std::span<const std::uint64_t> leaves) {
  Target& target = t.target;
  if (first > target.expected.size() || leaves.size() > target.expected.size() - first) return;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    target.expected[first + i] = leaves[i];
    if (!bit(target.told, first + i)) {
      set_bit(target.told, first + i);
      ++target.told_count;
    }
  }
}

void Core::Impl::on_digests(Transfer& t, const wire::Digests& m, TimePoint now) {
  if (t.is_source() || t.phase != Phase::kMoving) return;
  t.progress_at = now;
  hear_leaves(t, m.first_leaf, m.leaves);
}

void Core::Impl::on_done(Transfer& t, const wire::Done& m, TimePoint now) {
  Target& target = t.target;
  if (t.is_source() || !target.round_open || m.round != target.round || target.done) return;
  if (target.early && t.phase == Phase::kMoving)
    return fail(t, Error(ErrorClass::kMalformed, "get", "the last word came before the answer"), now);
  target.done = true;
  target.done_ok = m.ok;
  t.arrival_at = now;
  if (!m.ok) target.done_error = Error(m.error, "transfer", std::string(m.text));
  hear_leaves(t, m.first_leaf, m.leaves);
  for (RoundRail& rr : target.rails) {
    rr.posted = 0;  // a rail that is not named carried nothing
    for (const wire::RailCount& count : m.rails)
      if (count.rail == rr.rail) rr.posted = count.posted;
  }
  const TransferKey key = t.key;
  check_round(t, now);
  if (Transfer* waits = transfers_.find(key)) schedule(*waits);  // for arrivals, not as long as for the last word
}

bool Core::Impl::round_quiet(const Transfer& t) const {
  return std::all_of(t.target.rails.begin(), t.target.rails.end(),
                     [](const RoundRail& rr) { return !rr.pending && (rr.gone || !rr.has_slot || rr.quiet()); });
}

bool Core::Impl::piece_bad(Transfer& t, std::uint32_t piece) const {
  const Space::LeafRange range = t.target.space.leaves_of(piece);
  for (std::uint32_t i = range.first; i < range.first + range.count; ++i)
    if (bit(t.target.told, i) && bit(t.target.hashed, i) && t.target.actual[i] != t.target.expected[i]) return true;
  return false;
}

void Core::Impl::close_round(Transfer& t) {
  for (RoundRail& rr : t.target.rails) {
    rr.revoke();
    if (std::exchange(rr.has_slot, false)) slots_.give_back(rr.slot);
  }
  t.target.rails.clear();
  if (std::exchange(t.target.round_open, false)) --open_rounds_;
  for (std::size_t free = slots_.free_count(); free > 0 && !starving_.empty(); --free) {
    Transfer* next = transfers_.find(starving_.pop());
    if (next == nullptr) continue;
    next->starving = false;
    if (next->phase == Phase::kWaitSlots)
      timers_.add({.at = next->scheduled = TimePoint{}, .session = false, .who = next->key});
  }
}

/// After every arrival, last word and lost rail: is the round over, and what then?
void Core::Impl::check_round(Transfer& t, TimePoint now) {
  Target& target = t.target;
  const bool quiet = round_quiet(t);
  if (t.phase == Phase::kQuieting) {
    if (quiet || WEFT_CANARY(kHandBackBeforeQuiet)) {
      close_round(t);
      if (target.again) {
        const Error why = *t.error;
        t.target.reset();
        t.phase = Phase::kWaitAnswer;
        return lose_session(t, why, now);
      }
      if (!t.told) tell(t, *t.error);
      finish(t);
    }
    return;
  }
  if (t.role == Role::kMember && (t.phase == Phase::kMoving || t.phase == Phase::kWaitSlots))
    return check_share(t, now);
  if (t.phase != Phase::kMoving || !target.round_open || target.early) return;
  if (WEFT_CANARY(kSkipLastWord) && target.arrived_count == target.space.pieces()) target.done = true;
  const bool counted = quiet || (WEFT_CANARY(kTrustOrderOfDone) && target.done);
  if (!target.done || !counted) return;
  if (WEFT_CANARY(kTrustOrderOfDone)) {
    clear_bits(target.arrived, target.space.pieces());
    for (std::uint32_t p = 0; p < target.space.pieces(); ++p) set_bit(target.arrived, p);
  }
  const bool ok = target.done_ok;
  close_round(t);
  if (!ok) {
    Error why = *target.done_error;
    if (Session* s = session_of(t)) why = std::move(why).with_peer(s->label());
    return fail(t, std::move(why), now);
  }

  target.wanted.clear();
  std::uint32_t missing = 0;
  std::uint32_t bad = 0;
  for (std::uint32_t piece = 0; piece < target.space.pieces(); ++piece) {
    bool again = !bit(target.arrived, piece);
    missing += again ? 1 : 0;
    if (!again && t.verify == wire::Verify::kPieces && !WEFT_CANARY(kSkipVerification)) {
      hash_piece(t, piece);
      again = piece_bad(t, piece);
      if (again) {
        ++bad;
        clear_bit(target.arrived, piece);
        clear_bit(target.scattered, piece);
        --target.arrived_count;
        target.bytes_arrived -= target.space.piece_end(piece) - target.space.piece_begin(piece);
        const Space::LeafRange range = target.space.leaves_of(piece);
        for (std::uint32_t i = range.first; i < range.first + range.count; ++i) clear_bit(target.hashed, i);
      }
    }
    if (!again) continue;
    if (!target.wanted.empty() && target.wanted.back().first + target.wanted.back().count == piece)
      ++target.wanted.back().count;
    else
      target.wanted.push_back({.first = piece, .count = 1});
  }
  if (missing == 0 && bad == 0) {
    if (t.verify == wire::Verify::kPieces && target.told_count != target.space.leaves() &&
        !WEFT_CANARY(kSkipVerification))
      return fail(t, Error(ErrorClass::kMalformed, "transfer", "the sender ended without telling every digest"), now);
    return complete(t, now);
  }
  if (bad > 0 && std::exchange(target.reasked, true)) {
    ++stats_.integrity_failures;
    return fail(t,
                Error(ErrorClass::kIntegrityFailure, "transfer",
                      std::to_string(bad) + " pieces differed from their digests twice; nothing was kept")
                    .with_hint("retry once; then look at what carries it: weft explain TICKET NAME"),
                now);
  }
  if (target.round + 1u >= kMaxRounds)
    return fail(t, Error(ErrorClass::kPeerLost, "transfer", "pieces were still missing after 8 rounds"), now);
  stats_.pieces_reasked += missing + bad;
  ++target.round;
  open_round(t, now);
}

/// Over at the receiver, though writes could still land: wait until none can, then hand the memory back.
void Core::Impl::begin_quieting(Transfer& t, TimePoint now) {
  t.phase = Phase::kQuieting;
  t.phase_since = now;
  Session* s = session_of(t);
  for (RoundRail& rr : t.target.rails) {
    const Rail* r = s == nullptr ? nullptr : rail(*s, rr.rail);
    if (r == nullptr || r->state == Rail::State::kDown) rr.gone = true;
    if (r != nullptr && (r->traits.revoke_fences || WEFT_CANARY(kHandBackBeforeQuiet))) rr.gone = true;
    if (rr.gone) rr.revoke();
    if (WEFT_CANARY(kReuseSlotEarly) && std::exchange(rr.has_slot, false)) slots_.give_back(rr.slot);
  }
  if (!t.target.direct_into && !t.target.again && !t.told && t.error) tell(t, *t.error);
  check_round(t, now);
  if (transfers_.find(t.key) != nullptr) schedule(t);
}

void Core::Impl::fence(Transfer& t, TimePoint now) {
  Session* s = session_of(t);
  for (RoundRail& rr : t.target.rails) {
    if (rr.gone || !rr.has_slot || rr.quiet()) continue;
    Rail* r = s == nullptr ? nullptr : rail(*s, rr.rail);
    if (r == nullptr || r->state == Rail::State::kDown)
      rr.gone = true;
    else if (r->number != 0)
      close_rail(*s, *r, "fence", now);
    else if (r->traits.revoke_fences) {
      rr.gone = true;
      rr.revoke();
    } else {
      actions_.push(CloseSession{.session = s->key, .why = Error(ErrorClass::kPeerLost, "session", "fenced")});
    }
  }
  check_round(t, now);
}

}  // namespace weft::transfer
