#include <algorithm>
#include <utility>

#include <weft/base/checked.hpp>
#include <weft/transfer/core_impl.hpp>

/// The initiator of grains: rings joined, what is to be sent, what became of it.
namespace weft::transfer {
namespace {

constexpr std::size_t kHeadersAtLeast = 256;  // sends out at a time, parts of grains among them

}  // namespace

TransferKey Core::Impl::open_feed(const FeedSpec& spec, TimePoint now) {
  Transfer& t = open(Role::kFeed, spec.peer, spec.bound, spec.cookie, now);
  t.lane = spec.lane;
  t.hurried = true;  // the application's memory
  t.feed = std::make_unique<GrainFeed>();
  t.feed->token = spec.token;
  t.feed->grains = spec.grains;
  t.feed->slices = spec.slices;
  t.feed->grain_bytes = spec.grain_bytes;
  const TransferKey key = t.key;
  spec.peer == options_.self ? join_here(t, now) : attach(t, now);
  return key;
}

void Core::Impl::send_ring(Transfer& t, Session& s, TimePoint now) {
  send(s,
       wire::RingOpen{.sequence = t.id.sequence,
                      .deadline_ns = time_left_ns(t, now),
                      .token = t.feed->token,
                      .grains = t.feed->grains,
                      .slices = t.feed->slices,
                      .grain_bytes = t.feed->grain_bytes},
       now, {}, t.key);
}

bool Core::Impl::send_grain(TransferKey key, const GrainSpec& spec) {
  Transfer* t = transfers_.find(key);
  if (t == nullptr || !t->feed || t->source.ending || t->feed->leaving) return false;
  GrainFeed& f = *t->feed;
  const std::uint64_t slice = f.grain_bytes / f.slices;
  GrainSend send{.cookie = spec.cookie,
                 .index = spec.index,
                 .begin = spec.first_slice * slice,
                 .first_part = f.parts_gone + f.parts.size(),
                 .first_slice = spec.first_slice,
                 .valid_slices = spec.last_slice,
                 .deadline = spec.deadline};
  for (const lane::Gather& part : spec.parts) {
    if (part.size == 0) continue;
    f.parts.push(part);
    ++send.parts;
    send.bytes += part.size;
  }
  if (spec.last_slice == 0) send.flags |= GrainHeader::kInvalid;
  if (spec.last_slice == 0 || spec.last_slice == f.slices) send.flags |= GrainHeader::kComplete;
  f.sends.push(send);
  if (f.here) want_copy(*t);
  if (f.up && f.rail >= 0)
    if (Session* s = session_of(*t)) set_ready(*s, t->source.rails[static_cast<std::size_t>(f.rail)].rail);
  if (send.deadline < f.next_deadline) {
    f.next_deadline = send.deadline;
    schedule(*t);
  }
  return true;
}

void Core::Impl::leave_feed(TransferKey key, TimePoint now) {
  Transfer* t = transfers_.find(key);
  if (t == nullptr || !t->feed || t->source.ending) return;
  t->feed->leaving = true;
  maybe_left(*t, now);
}

/// All that was sent is over: says so to the target, which then gives the share to another.
void Core::Impl::maybe_left(Transfer& t, TimePoint now) {
  GrainFeed& f = *t.feed;
  if (!f.leaving || t.source.ending || !f.sends.empty()) return;
  fail(t, Error(ErrorClass::kCancelled, "grains", "the initiator left the ring"), now);
}

void Core::Impl::on_slots(Session& s, Transfer& t, const wire::Slots& m, TimePoint now) {
  if (!t.feed || t.source.ending) return;
  GrainFeed& f = *t.feed;
  const bool first = !f.up;
  if (m.places.size() > f.grains || (!first && m.places.size() != f.places.size()))
    return fail(t, Error(ErrorClass::kMalformed, "grains", "the ring changed its shape"), now);
  for (const wire::Place& place : m.places) {
    const wire::RegionKey& region = m.regions[place.region];
    if (!checked_add(checked_add(region.base, place.offset).value_or(~std::uint64_t{0}), f.grain_bytes))
      return fail(t, Error(ErrorClass::kMalformed, "grains", "a place past 2^64"), now);
  }
  // While a rail is in use a credit on it may have overtaken what the stream says.
  if (!checked_add(m.regions[0].base, m.places.size() * sizeof(GrainHeader)) || m.arrived > f.sent ||
      (f.rail < 0 && m.arrived < f.arrived))
    return fail(t, Error(ErrorClass::kMalformed, "grains", "an impossible count of arrivals"), now);
  GrainWay way{.rail = m.rail,
               .slot = m.slot,
               .places = {m.places.begin(), m.places.end()},
               .regions = {m.regions.begin(), m.regions.end()}};
  if (f.rail >= 0) return hear_move(s, t, std::move(way), m, now);
  f.by_index = m.by_index;
  f.headers.resize(std::max(m.places.size(), kHeadersAtLeast));
  hear_arrivals(t, m.granted, m.arrived);
  // What is not among those arrivals goes again.
  std::size_t kept = 0;
  for (std::uint64_t counted = f.arrived; kept < f.posted && counted < f.told_arrived; ++kept)
    counted += f.sends.at(kept).over ? 0 : 1;
  f.posted = kept;
  f.offset = 0;
  const Rail* r = rail(s, m.rail);
  if (t.lane != Lane::kAuto && r != nullptr && r->lane != t.lane)
    return fail(t,
                Error(ErrorClass::kUnsupported, "grains", "the target chose lane " + std::string(to_string(r->lane)))
                    .with_hint("the target chooses: its node's lanes say which there are"),
                now);
  t.source.round_open = true;
  t.source.done_sent = false;
  t.phase = Phase::kMoving;
  t.phase_since = t.progress_at = now;
  if (std::exchange(f.up, true) == false) grain_events_.push(FeedUp{.feed = t.key});
  take_way(s, t, std::move(way));
  maybe_left(t, now);
}

void Core::Impl::on_credit(Session& s, Transfer& t, const wire::Credit& m, TimePoint now) {
  if (!t.feed || !t.feed->up || t.source.ending) return;
  GrainFeed& f = *t.feed;
  if (m.arrived > f.sent || m.granted > f.next + 2 * f.places.size())
    return fail(t, Error(ErrorClass::kMalformed, "grains", "credit for what was not sent"), now);
  hear_arrivals(t, m.granted, m.arrived);
  maybe_move(s, t);
  t.progress_at = now;
  if (f.rail >= 0) set_ready(s, t.source.rails[static_cast<std::size_t>(f.rail)].rail);
  maybe_left(t, now);
}

void Core::Impl::hear_arrivals(Transfer& t, std::uint64_t granted, std::uint64_t arrived) {
  GrainFeed& f = *t.feed;
  f.granted = std::max(f.granted, granted);
  f.told_arrived = std::max(f.told_arrived, arrived);
  end_arrived(t);
}

/// Tells of sends that arrived once no post of them reads the application's memory, whatever the peer says.
void Core::Impl::end_arrived(Transfer& t) {
  GrainFeed& f = *t.feed;
  while (f.posted > 0 &&
         (f.sends.front().over || (f.arrived < f.told_arrived && f.finished >= f.sends.front().last_post))) {
    if (!f.sends.front().over) {
      ++f.arrived;
      grain_events_.push(
          GrainEnded{.feed = t.key, .cookie = f.sends.front().cookie, .index = f.sends.front().index, .error = {}});
    }
    drop_send(f);
    --f.posted;
  }
  drop_over(f);
}

/// Those that were never sent.
void Core::Impl::drop_over(GrainFeed& f) {
  while (f.posted == 0 && !f.sends.empty() && f.sends.front().over) drop_send(f);
}

void Core::Impl::drop_send(GrainFeed& f) {
  const GrainSend send = f.sends.pop();
  for (std::uint32_t i = 0; i < send.parts; ++i) {
    f.parts.pop();
    ++f.parts_gone;
  }
}

/// Its rail is gone: what is out goes again, once the target has said over which rail and what had arrived.
void Core::Impl::feed_rail_down(Session& s, Transfer& t, std::uint16_t number) {
  Source& src = t.source;
  GrainFeed& f = *t.feed;
  if (f.move && f.move->rail == number) {
    f.move.reset();
    if (f.rail >= 0) set_ready(s, src.rails[static_cast<std::size_t>(f.rail)].rail);
  }
  for (std::size_t i = 0; i < src.rails.size(); ++i) {
    SourceRail& sr = src.rails[i];
    if (sr.rail != number || sr.gone) continue;
    sr.gone = true;
    if (f.rail == static_cast<int>(i)) {
      f.rail = -1;
      f.move.reset();
      deactivate(s, t);
    }
  }
}

/// The feed is over, and no post uses memory any more: whatever has not arrived did not, or may have.
void Core::Impl::end_sends(Transfer& t) {
  GrainFeed& f = *t.feed;
  const Error why = t.error ? *t.error : Error(ErrorClass::kInternal, "grains", "ended without a reason");
  end_arrived(t);
  while (!f.sends.empty()) {
    if (f.posted > 0) --f.posted;
    if (!f.sends.front().over)
      grain_events_.push(
          GrainEnded{.feed = t.key,
                     .cookie = f.sends.front().cookie,
                     .index = f.sends.front().index,
                     .error = f.sends.front().placed && !f.here ? Error(why).with_may_have_arrived() : why});
    drop_send(f);
  }
  let_go_feed(f);
}

/// Sends that no slot came free for in time.
void Core::Impl::expire_sends(Transfer& t, TimePoint now) {
  GrainFeed& f = *t.feed;
  f.next_deadline = kNever;
  for (std::size_t i = f.posted; i < f.sends.size(); ++i) {
    GrainSend& send = f.sends.at(i);
    if (send.placed || send.over) continue;
    if (send.deadline > now) {
      f.next_deadline = std::min(f.next_deadline, send.deadline);
      continue;
    }
    send.over = true;
    grain_events_.push(
        GrainEnded{.feed = t.key,
                   .cookie = send.cookie,
                   .index = send.index,
                   .error = Error(ErrorClass::kDeadlineExceeded, "grains", "no slot of the ring came free in time")
                                .with_hint("the target's reader holds its grains, or is slower than they come")});
  }
  end_arrived(t);  // takes away those in front that were passed over
  maybe_left(t, now);
}

}  // namespace weft::transfer
