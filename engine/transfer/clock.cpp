#include <algorithm>
#include <array>

#include <weft/transfer/core_impl.hpp>

/// Time in the core: deadlines, stalls, fences. Every phase of every transfer has a moment at which it is looked at.
namespace weft::transfer {

/// When the call itself must be over: its own deadline, or the automatic bound.
TimePoint Core::Impl::end_of(const Transfer& t) const {
  const bool flows = t.role == Role::kMember || (t.feed && t.feed->up);
  if (flows && t.phase != Phase::kWaitSession) return kNever;  // a ring has no end of its own
  TimePoint end = t.explicit_end;
  if (end == kNever) {
    const Duration owed = kAutomaticBound + std::chrono::seconds(t.total / kAutomaticRate);
    end = std::min(t.progress_at + kAutomaticBound, t.opened + owed);
  } else if (!t.ours()) {
    end += kOfferGrace;  // the opener ends it; this is for one that does not
  }
  if (t.session_lost_at != kNever && t.phase == Phase::kWaitSession)
    end = std::min(end, t.session_lost_at + kRetryWithin);
  return end;
}

std::uint64_t Core::Impl::time_left_ns(const Transfer& t, TimePoint now) const {
  if (t.explicit_end == kNever) return 0;
  return t.explicit_end <= now ? 1 : static_cast<std::uint64_t>(std::chrono::nanoseconds(t.explicit_end - now).count());
}

TimePoint Core::Impl::wake_at(const Transfer& t) {
  switch (t.phase) {
    case Phase::kQuieting:
      return t.phase_since + (t.target.direct_into || t.target.again ? kFenceInto : kFencePooled);
    case Phase::kDraining:
      return t.hurried ? t.phase_since + kFenceInto : kNever;
    case Phase::kMoving:
      if (!t.is_source() && t.target.done) return std::min(end_of(t), t.arrival_at + kArrivalStall);
      if (t.feed) return t.feed->next_deadline;
      if (t.role == Role::kMember) {
        const GrainRing* ring = rings_.find(t.ring);
        return ring == nullptr ? kNever : std::min(ring->shares[t.share].credit_due, t.look_at);
      }
      return end_of(t);
    case Phase::kWaitSlots:
      return std::min(end_of(t), t.look_at);
    default:
      return end_of(t);
  }
}

/// A caller waits for memory that posts still use: only closing their rails gives it back.
void Core::Impl::fence_posts(Transfer& t, TimePoint now) {
  Session* s = session_of(t);
  if (s == nullptr) return;  // its lanes are closing: the posts' ends are on their way
  std::array<bool, kMaxRails + 1> used{};
  posts_.for_each([&](Key, PostRecord& post) {
    if (post.is_message || post.transfer != t.key || post.session != s->key) return;
    for (std::size_t i = 0; i < s->rails.size() && i < used.size(); ++i)
      if (s->rails[i].number == post.rail) used[i] = true;
  });
  for (std::size_t i = 0; i < s->rails.size() && i < used.size(); ++i) {
    if (!used[i]) continue;
    if (s->rails[i].number != 0)
      close_rail(*s, s->rails[i], "a post did not finish", now);
    else
      actions_.push(
          CloseSession{.session = s->key, .why = Error(ErrorClass::kPeerLost, "session", "a post did not finish")});
  }
}

void Core::Impl::schedule(Transfer& t) {
  const TimePoint at = wake_at(t);
  if (at >= t.scheduled) return;  // an earlier look is due anyway, and will schedule the next
  t.scheduled = at;
  timers_.add({.at = at, .session = false, .who = t.key});
}

void Core::Impl::transfer_timer(Transfer& t, TimePoint now) {
  t.scheduled = kNever;
  const TransferKey key = t.key;
  if (t.phase == Phase::kWaitSlots && now < end_of(t)) {
    t.role == Role::kMember ? open_share(t, now) : open_round(t, now);
  } else if (now >= wake_at(t)) {
    switch (t.phase) {
      case Phase::kQuieting:
        t.phase_since = now;
        fence(t, now);
        break;
      case Phase::kDraining:
        t.phase_since = now;
        fence_posts(t, now);
        break;
      case Phase::kMoving:
        if (t.feed) {
          expire_sends(t, now);
          break;
        }
        if (t.role == Role::kMember && !t.target.done) {
          credit_timer(t, now);
          if (now >= t.look_at) look_for_rail(t, now);
          break;
        }
        if (now < end_of(t)) {
          // `done` came, and arrivals it names did not: the rail lost them in silence. Fence it and ask again.
          t.arrival_at = now;
          fence(t, now);
          break;
        }
        [[fallthrough]];
      default:
        fail(t, deadline_error(t, now), now);
        break;
    }
  }
  if (Transfer* still = transfers_.find(key)) schedule(*still);
}

void Core::Impl::on_timer(TimePoint now) {
  copy_grains(now);
  while (timers_.next() <= now) {
    const Timers::Due due = timers_.pop();
    if (due.session) {
      if (Session* s = sessions_.find(due.who)) session_timer(*s, now);
    } else {
      // One entry for each place of the slab: one that an earlier time has replaced is dropped.
      Transfer& place = transfers_.at(due.who.index());
      if (place.scheduled != due.at) continue;
      place.scheduled = kNever;
      if (Transfer* t = transfers_.find(transfers_.live_at(due.who.index()))) transfer_timer(*t, now);
    }
  }
}

}  // namespace weft::transfer
