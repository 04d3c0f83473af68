#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include <weft/crypto/mac.hpp>
#include <weft/transfer/canary.hpp>
#include <weft/transfer/core_impl.hpp>
#include <weft/wire/digest.hpp>

/// The target of grains: rings opened, shares given to initiators, arrivals told, slots released, credits said.
namespace weft::transfer {
namespace {

/// What of a share lies together in memory is one region, and where each slot lies in them. No region is two shares':
/// an initiator is given keys for its own.
void lay_out(const std::vector<std::span<std::byte>>& slots, RingShare& share) {
  for (std::uint32_t i = 0; i < share.count; ++i) {
    const std::span<std::byte> slot = slots[share.first + i];
    if (share.regions.empty() || share.regions.back().data + share.regions.back().size != slot.data())
      share.regions.push_back({.data = slot.data(), .size = 0});
    // Region 0 holds the headers.
    share.places.push_back(
        {.region = static_cast<std::uint32_t>(share.regions.size()), .offset = share.regions.back().size});
    share.regions.back().size += slot.size();
  }
}

}  // namespace

Result<RingKey> Core::Impl::open_ring(RingSpec spec) {
  const auto refuse = [](std::string why) {
    return weft::fail(ErrorClass::kInvalidArgument, "open_target", std::move(why));
  };
  if (shutting_down_) return weft::fail(ErrorClass::kShuttingDown, "open_target", "this node is stopping");
  if (spec.slots.empty() || spec.slots.size() > kMaxPieces) return refuse("a ring has 1 to 1 048 576 grains");
  const std::size_t bytes = spec.slots.front().size();
  if (bytes == 0 || bytes > kMaxTensorBytes) return refuse("grains without bytes, or with too many");
  for (const auto& slot : spec.slots)
    if (slot.data() == nullptr || slot.size() != bytes) return refuse("the buffers of a ring are of one size");
  if (spec.slices == 0 || bytes % spec.slices != 0) return refuse("the slices do not divide a grain");
  if (!spec.headers.empty() && spec.headers.size() != spec.slots.size()) return refuse("a header for each slot");
  if (spec.initiators == 0 || spec.initiators > spec.slots.size()) return refuse("fewer grains than initiators");
  bool taken = false;
  rings_.for_each([&](Key, GrainRing& other) { taken = taken || other.name == spec.name; });
  if (taken) return weft::fail(ErrorClass::kExists, "open_target", "this node has a ring of that name");

  const RingKey key{rings_.take()};
  GrainRing& ring = *rings_.find(key);
  ring.key = key;
  ring.name = std::move(spec.name);
  ring.token = spec.token;
  ring.slots = std::move(spec.slots);
  ring.grain_bytes = bytes;
  ring.slices = spec.slices;
  ring.lane = spec.lane;
  if (spec.headers.empty()) ring.own_headers.resize(ring.slots.size());
  const std::span<GrainHeader> headers = spec.headers.empty() ? std::span(ring.own_headers) : spec.headers;
  const auto count = static_cast<std::uint64_t>(ring.slots.size());
  for (std::uint64_t i = 0; i < spec.initiators; ++i) {
    const auto first = static_cast<std::uint32_t>(count * i / spec.initiators);
    const auto last = static_cast<std::uint32_t>(count * (i + 1) / spec.initiators);
    lay_out(ring.slots, ring.shares.emplace_back(first, last - first, headers));
    if (ring.shares.back().regions.size() < kMaxGrainRegions) continue;
    rings_.give_back(key);
    return refuse("the buffers lie in more than 4095 stretches of memory; cut them from fewer allocations");
  }
  return key;
}

void Core::Impl::close_ring(RingKey key, TimePoint now) {
  GrainRing* ring = rings_.find(key);
  if (ring == nullptr || std::exchange(ring->closing, true)) return;
  std::vector<TransferKey> members;  // the last that leaves takes the ring with it
  members.reserve(ring->shares.size());
  for (const RingShare& share : ring->shares) members.push_back(share.member);
  for (const TransferKey member : members)
    if (Transfer* t = transfers_.find(member))
      fail(*t, Error(ErrorClass::kPeerLost, "grains", "the target was closed"), now);
  if (GrainRing* still = rings_.find(key)) maybe_closed(*still);
}

void Core::Impl::maybe_closed(GrainRing& ring) {
  if (!ring.closing) return;
  for (const RingShare& share : ring.shares)
    if (share.member) return;
  grain_events_.push(GrainRingClosed{.ring = ring.key});
  rings_.give_back(ring.key);
}

GrainRing* Core::Impl::ring_with(const RingToken& token) {
  GrainRing* found = nullptr;
  rings_.for_each([&](Key, GrainRing& ring) {
    if (!ring.closing && crypto::equal_in_constant_time(ring.token, token)) found = &ring;
  });
  return found;
}

/// For somebody who wants to write a ring.
Result<Core::Impl::RingPlace> Core::Impl::free_share(const RingShape& shape) {
  const auto refuse = [](Error why) { return weft::fail(std::move(why)); };
  if (shutting_down_) return refuse({ErrorClass::kShuttingDown, "grains", "the node is stopping"});
  GrainRing* ring = ring_with(shape.token);
  // Whoever has the token may write: that is what it is for. Access rules have decided about the session.
  if (ring == nullptr && rings_.live() == 0)
    return refuse(Error(ErrorClass::kNotFound, "grains", "this node has no target")
                      .with_hint("its process may have been restarted: open the target again"));
  if (ring == nullptr)
    return refuse(Error(ErrorClass::kForbidden, "grains", "no target of this node has that token")
                      .with_hint("get its target info again"));
  if (shape.grains != ring->slots.size() || shape.grain_bytes != ring->grain_bytes || shape.slices != ring->slices)
    return refuse(Error(ErrorClass::kStale, "grains", "the ring has another shape by now")
                      .with_hint("get its target info again"));
  const auto free = std::find_if(ring->shares.begin(), ring->shares.end(), [](const auto& x) { return !x.member; });
  if (free == ring->shares.end())
    return refuse(Error(ErrorClass::kOverloaded, "grains", "the target has all the initiators it takes")
                      .with_hint("TargetOptions::initiators says how many; or try again later"));
  return RingPlace{.ring = ring, .share = static_cast<std::uint32_t>(free - ring->shares.begin())};
}

/// A peer wants to write a ring.
void Core::Impl::on_ring(Session& s, const wire::RingOpen& m, TimePoint now) {
  const wire::TransferRef ref{.sequence = m.sequence, .opened_by_sender = false};
  if (s.theirs.find(m.sequence) != nullptr) return;
  auto place = free_share({.token = m.token, .grains = m.grains, .slices = m.slices, .grain_bytes = m.grain_bytes});
  if (place && s.theirs.size() >= 2ull * kMaxOpenTransfers)
    place = weft::fail(
        Error(ErrorClass::kOverloaded, "grains", "this peer has too many open transfers").with_hint("try again later"));
  if (!place) return answer_failure(s, ref, place.error(), now);
  Transfer& t = open_theirs(Role::kMember, s, m.sequence, now);
  t.told = true;  // it has no outcome
  t.target.direct_into = true;
  t.ring = place->ring->key;
  t.share = place->share;
  place->ring->shares[t.share].begin(t.key);
  grain_events_.push(InitiatorJoined{.ring = t.ring, .peer = t.peer});
  open_share(t, now);
}

RingShare* Core::Impl::share_of(const Transfer& t) {
  GrainRing* ring = rings_.find(t.ring);
  return ring == nullptr ? nullptr : &ring->shares[t.share];
}

/// Over which rail an initiator writes: the best there is, or one that is on its way; and asks for its exposures.
void Core::Impl::open_share(Transfer& t, TimePoint now) {
  Session* s = session_of(t);
  GrainRing* ring = rings_.find(t.ring);
  if (s == nullptr || s->closing || ring == nullptr)
    return fail(t, Error(ErrorClass::kPeerLost, "grains", "the session ended"), now);
  if (t.target.done) return check_share(t, now);
  want_rail(*s, ring->lane, now);
  Rail* best = best_rail(*s, ring->lane);
  const bool coming = std::any_of(s->rails.begin(), s->rails.end(), [](const Rail& r) {
    return r.state == Rail::State::kAsked || r.state == Rail::State::kListening || r.state == Rail::State::kDialling;
  });
  // One that was just lost is not asked for again within a second.
  const bool lost = std::any_of(s->rails.begin(), s->rails.end(), [&](const Rail& r) {
    return r.state == Rail::State::kDown && now - r.since < std::chrono::seconds(1);
  });
  const bool may_come = coming || (lost && !s->spec.rail_lanes.empty());
  const auto wait = [&] {
    t.phase = Phase::kWaitSlots;
    t.look_at = now + kLaneComesUp / 8;
    schedule(t);
  };
  if (t.phase != Phase::kWaitSlots) t.phase_since = now;
  if (best == nullptr && ring->lane != Lane::kAuto && !(may_come && now - t.phase_since < kLaneComesUp)) {
    const Error why(ErrorClass::kUnsupported, "grains",
                    fmt::format("the ring takes lane {} alone, which is not up", to_string(ring->lane)));
    if (t.phase == Phase::kNew) answer_failure(*s, ref_of(t), why, now);
    return fail(t, why, now);
  }
  if (best == nullptr || (best->number == 0 && may_come && now - t.phase_since < kLaneComesUp)) return wait();
  if (!expose_share(t, *s, *best)) return wait();
  if (!std::exchange(t.target.round_open, true)) ++open_rounds_;
  t.phase = Phase::kMoving;
  t.used = best->lane;
  look_later(t, *s, now);
}

/// Asks for the exposures of a share over a rail. False: there is no slot for it.
bool Core::Impl::expose_share(Transfer& t, const Session& s, const Rail& r) {
  Target& target = t.target;
  auto at = std::find_if(target.rails.begin(), target.rails.end(), [](const RoundRail& rr) { return !rr.has_slot; });
  const auto index = static_cast<std::uint16_t>(at - target.rails.begin());
  const auto slot = slots_.draw({.transfer = t.key, .rail_index = index});
  if (!slot) return false;
  if (at == target.rails.end()) at = target.rails.insert(at, RoundRail{});
  *at = RoundRail{};
  at->rail = r.number;
  at->slot = *slot;
  at->has_slot = at->pending = true;
  const RailRef ref{.session = s.key, .number = r.number};
  const RingShare& share = *share_of(t);
  actions_.push(Expose{.transfer = t.key,
                       .rail = ref,
                       .region = {.data = reinterpret_cast<std::byte*>(share.headers.data()),
                                  .size = share.headers.size() * sizeof(GrainHeader)}});
  for (const lane::Region& region : share.regions)
    actions_.push(Expose{.transfer = t.key, .rail = ref, .region = region});
  return true;
}

void Core::Impl::on_region_exposed(Transfer& t, RailRef ref, Result<lane::ExposurePtr> exposure, TimePoint now) {
  GrainRing* ring = rings_.find(t.ring);
  RoundRail* rr = nullptr;
  for (RoundRail& one : t.target.rails)
    if (one.rail == ref.number && one.has_slot && one.pending) rr = &one;
  if (rr == nullptr || ring == nullptr) return;
  if (rr->gone || t.phase != Phase::kMoving) {
    rr->pending = false;
    return check_round(t, now);
  }
  if (!exposure) {
    rr->pending = false;
    rr->gone = true;  // nothing was told: nothing can land
    rr->revoke();
    Session* s = session_of(t);
    if (s == nullptr || ref.number == 0) return fail(t, std::move(exposure).error(), now);
    if (exposure.error().kind() != ErrorClass::kResourceExhausted)
      rr->pending = false;  // the rail is going: its Down is on the way, and another follows
    else
      give_up_lane(*s, t.used, exposure.error(), now);  // another will do
    return check_share(t, now);
  }
  rr->regions.push_back(std::move(*exposure));
  if (rr->regions.size() <= ring->shares[t.share].regions.size()) return;
  rr->pending = false;
  note_move(t, *rr);
  send_slots(t, *rr, now);
}

void Core::Impl::send_slots(Transfer& t, const RoundRail& rr, TimePoint now) {
  Session* s = session_of(t);
  GrainRing& ring = *rings_.find(t.ring);
  RingShare& share = ring.shares[t.share];
  region_keys_.clear();
  for (const lane::ExposurePtr& exposure : rr.regions)
    region_keys_.push_back({.key = exposure->key(), .base = exposure->base()});
  if (!WEFT_CANARY(kForgetLostCredits)) {
    share.told();
    share.told_by_stream();
    share.credit_at = now;
    share.credit_due = kNever;
  }
  send(*s,
       wire::Slots{.sequence = t.id.sequence,
                   .rail = rr.rail,
                   .slot = rr.slot,
                   .by_index = ring.by_index(),
                   .granted = WEFT_CANARY(kForgetLostCredits) ? share.stream_granted : share.granted,
                   .arrived = WEFT_CANARY(kForgetLostCredits) ? share.stream_sends : share.sends,
                   .places = share.places,
                   .regions = region_keys_},
       now);
}

/// After a lost rail or the last word: another rail, or the end.
void Core::Impl::check_share(Transfer& t, TimePoint now) {
  Target& target = t.target;
  if (target.done) {
    if (round_quiet(t)) finish(t);
    return;
  }
  bool lost = false;
  for (RoundRail& rr : target.rails) {
    if (!rr.gone || !rr.has_slot || rr.pending) continue;
    rr.revoke();
    slots_.give_back(rr.slot);
    rr.has_slot = false;
    lost = true;
  }
  const bool any = std::any_of(target.rails.begin(), target.rails.end(), [](const auto& rr) { return rr.has_slot; });
  if (!any) return open_share(t, now);
  if (lost) stay(t, now);
}

void Core::Impl::grain_arrived(Transfer& t, RoundRail& rr, std::uint32_t place, TimePoint now) {
  GrainRing* ring = rings_.find(t.ring);
  if (ring == nullptr || place >= ring->shares[t.share].count) {
    ++stats_.stray_arrivals;
    return;
  }
  ++rr.arrived;
  t.progress_at = now;
  RingShare& share = ring->shares[t.share];
  GrainHeader header;
  std::memcpy(&header, &share.headers[place], sizeof header);
  const bool whole =
      header.check == wire::leaf_of(std::as_bytes(std::span(&header, 1)).first(offsetof(GrainHeader, check)));
  // Not what was announced, or told already with an earlier announcement: a peer that lies gets nothing through.
  if (!whole || header.send < share.sends || header.ordinal < share.next || header.ordinal >= share.granted ||
      header.ordinal % share.count != place || header.bytes > ring->grain_bytes || header.valid_slices > ring->slices) {
    if (!whole || header.send >= share.sends) ++stats_.stray_arrivals;
    return check_share(t, now);
  }
  share.asked = share.asked || (header.flags & GrainHeader::kAskCredit) != 0;
  stats_.bytes_in += header.bytes;
  if (share.moving == rr.slot) moved(t, share, rr);
  take_arrival(*ring, share, header, t.peer);
  credit(t, share, now);
  if (t.target.done) check_share(t, now);
}

/// A grain, or more of it, is in its slot; what its sender passed over is free.
void Core::Impl::take_arrival(GrainRing& ring, RingShare& share, const GrainHeader& header, const NodeId& from) {
  const auto place = static_cast<std::uint32_t>(header.ordinal % share.count);
  const bool complete = (header.flags & GrainHeader::kComplete) != 0;
  share.sends = header.send + 1;
  for (std::uint64_t skipped = share.next; skipped < header.ordinal; ++skipped)
    share.states[skipped % share.count] = RingShare::State::kFree;
  share.next = header.ordinal + (complete ? 1 : 0);
  if (complete) share.states[place] = RingShare::State::kHeld;
  share.advance();
  grain_events_.push(GrainArrived{.ring = ring.key,
                                  .slot = share.first + place,
                                  .valid_slices = header.valid_slices,
                                  .index = header.index,
                                  .invalid = (header.flags & GrainHeader::kInvalid) != 0,
                                  .complete = complete,
                                  .from = from});
}

bool Core::Impl::release_slot(RingKey key, std::uint32_t slot, TimePoint now) {
  GrainRing* ring = rings_.find(key);
  if (ring == nullptr || slot >= ring->slots.size()) return false;
  const auto owner = std::find_if(ring->shares.begin(), ring->shares.end(), [&](const RingShare& share) {
    return slot >= share.first && slot - share.first < share.count;
  });
  RingShare::State& state = owner->states[slot - owner->first];
  if (state != RingShare::State::kHeld) return false;
  state = RingShare::State::kFree;
  owner->advance();
  if (Transfer* t = transfers_.find(owner->member)) t->feed ? want_copy(*t) : credit(*t, *owner, now);
  return true;
}

/// The initiator is gone, and nothing of it can land any more: its share is another's to take.
void Core::Impl::leave_share(Transfer& t) {
  GrainRing* ring = rings_.find(t.ring);
  if (ring == nullptr) return;
  RingShare& share = ring->shares[t.share];
  share.member = {};
  share.credit_due = kNever;
  grain_events_.push(InitiatorLeft{.ring = ring->key, .peer = t.peer});
  maybe_closed(*ring);
}

}  // namespace weft::transfer
