#include <algorithm>

#include <fmt/format.h>

#include <weft/transfer/core_impl.hpp>

/// Sessions of the core: hello, which of two sessions stays, heartbeats, bye.
namespace weft::transfer {
namespace {

constexpr Duration kByeTakes = std::chrono::milliseconds(250);  // to be said, and answered

}  // namespace

/// A transfer that the peer asked for, with a sequence of its own.
Transfer& Core::Impl::open_theirs(Role role, Session& s, std::uint64_t sequence, TimePoint now) {
  const TransferKey key{transfers_.take()};
  Transfer& t = *transfers_.find(key);
  t.key = key;
  t.role = role;
  t.id = {.opener = s.incarnation, .sequence = sequence};
  t.peer = s.spec.peer;
  t.session = s.key;
  t.incarnation = s.incarnation;
  t.opened = t.progress_at = t.phase_since = now;
  s.theirs.set(sequence, key);
  ++s.transfers;
  if (role == Role::kMember) ++grain_transfers_;
  return t;
}

Session* Core::Impl::session_of(const Transfer& t) { return sessions_.find(t.session); }

SessionInfo Core::Impl::info(Session& s) const {
  SessionInfo info{.key = s.key,
                   .address = s.spec.address,
                   .peer = s.spec.peer,
                   .incarnation = s.incarnation,
                   .host_name = s.host_name,
                   .dialled = s.spec.dialled,
                   .same_host = s.spec.same_host,
                   .established = s.established,
                   .closing = s.closing,
                   .transfers = s.transfers,
                   .idle_since = s.idle_since,
                   .rails = {},
                   .offered = {},
                   .refused = s.refused};
  for (const Rail& r : s.rails)
    if (r.up()) info.rails.push_back(r.lane);
  for (const wire::LaneOffer& offer : s.spec.rail_lanes) info.offered.push_back(offer.lane);
  std::sort(info.rails.begin(), info.rails.end(), [](Lane a, Lane b) { return rank(a) > rank(b); });
  return info;
}

SessionKey Core::Impl::session_up(SessionSpec spec, TimePoint now) {
  const SessionKey key{sessions_.take()};
  Session& s = *sessions_.find(key);
  s.key = key;
  s.spec = std::move(spec);
  s.up_since = s.last_heard = s.last_said = s.idle_since = now;
  s.piece_bytes = options_.piece_bytes;
  s.max_open = kMaxOpenTransfers;
  s.max_message = kMaxMessageBytes;
  s.next_rail = s.spec.dialled ? 2 : 1;  // numbers of rails we ask for: even ones are the dialler's
  s.rails.push_back(
      {.number = 0, .lane = s.spec.stream.name, .traits = s.spec.stream, .state = Rail::State::kUp, .since = now});
  send(s,
       wire::Hello{.incarnation = options_.incarnation,
                   .version_min = wire::kVersion,
                   .version_max = wire::kVersion,
                   .features = 0,
                   .max_open_transfers = kMaxOpenTransfers,
                   .max_message_bytes = kMaxMessageBytes,
                   .piece_bytes = options_.piece_bytes,
                   .host = options_.host,
                   .host_name = options_.host_name,
                   .lanes = s.spec.rail_lanes,
                   .session = s.spec.dialled ? s.spec.id : std::array<std::byte, 16>{}},
       now);
  timers_.add({.at = now + options_.liveness.heartbeat, .session = true, .who = key});
  return key;
}

void Core::Impl::on_hello(Session& s, const wire::Hello& m, TimePoint now) {
  if (s.established) return close_session(s.key, Error(ErrorClass::kMalformed, "hello", "a second hello"), now);
  if (m.version_max < wire::kVersion || m.version_min > wire::kVersion) {
    const Error why(
        ErrorClass::kUnsupported, "hello",
        fmt::format("the peer speaks protocol {} to {}, this node {}", m.version_min, m.version_max, wire::kVersion));
    return close_session(s.key, why, now);
  }
  if (m.piece_bytes < kLeafBytes || (m.piece_bytes & (m.piece_bytes - 1)) != 0 || m.max_open_transfers == 0)
    return close_session(s.key, Error(ErrorClass::kMalformed, "hello", "impossible piece size or limits"), now);
  s.incarnation = m.incarnation;
  s.host_name = m.host_name;
  s.piece_bytes = std::min(options_.piece_bytes, m.piece_bytes);
  s.max_open = std::min(s.max_open, m.max_open_transfers);
  s.max_message = std::min<std::uint64_t>(s.max_message, m.max_message_bytes);
  if (s.spec.refuse) return close_session(s.key, *s.spec.refuse, now);
  if (!s.spec.dialled) s.spec.id = m.session;
  std::erase_if(s.spec.rail_lanes, [&](const wire::LaneOffer& mine) {
    const bool both = std::any_of(m.lanes.begin(), m.lanes.end(), [&](const wire::LaneOffer& theirs) {
      return theirs.lane == mine.lane && theirs.wire_version == mine.wire_version;
    });
    if (!both) s.refused.emplace_back(mine.lane, "the peer does not offer it");
    return !both;
  });

  PeerState& peer = peers_[s.spec.peer];
  if (Session* other = sessions_.find(peer.session); other != nullptr && other != &s && !other->closing) {
    // Two dials that crossed: the one of the smaller NodeId stays. Another process with the peer's key: both stay,
    // and one that was restarted meanwhile falls silent. Else the newer one, since its peer would not have dialled
    // while it thought the older one alive.
    if (other->incarnation != s.incarnation && !(other->spec.dialled && s.spec.dialled)) {
      s.established = true;
      peer.asked = false;
      peer.several = true;
      if (!other->spec.dialled) peer.session = s.key;
      return attach_waiting(s.spec.peer, now);
    }
    const bool crossed = other->established && other->incarnation == s.incarnation &&
                         other->spec.dialled != s.spec.dialled && now - other->up_since < std::chrono::seconds(2);
    const bool keep_ours = options_.self < s.spec.peer;
    Session& loser = crossed && s.spec.dialled != keep_ours ? s : *other;
    s.established = true;
    peer.session = &loser == &s ? other->key : s.key;
    peer.asked = false;
    // Both ends of a crossing see both sessions, so the loser may end what it carries; the timer closes it then.
    if (crossed)
      loser.retired = true;
    else
      close_session(loser.key, Error(ErrorClass::kPeerLost, "session", "replaced by another session with this peer"),
                    now);
    if (&loser == &s) return;
  } else {
    s.established = true;
    peer.session = s.key;
    peer.asked = false;
  }
  attach_waiting(s.spec.peer, now);
}

void Core::Impl::attach_waiting(const NodeId& peer, TimePoint now) {
  transfers_.for_each([&](Key, Transfer& t) {
    if (t.phase == Phase::kWaitSession && t.peer == peer) attach(t, now);
  });
}

/// No transfer attaches to this session any more: another process of this peer's is asked, where there is one.
void Core::Impl::detach_peer(const Session& s) {
  PeerState& peer = peers_[s.spec.peer];
  if (peer.session != s.key) return;
  peer.session = {};
  if (!peer.several) return;
  TimePoint newest{};
  sessions_.for_each([&](Key, const Session& other) {
    if (other.spec.peer != s.spec.peer || !other.established || other.closing || other.retired) return;
    if (peer.session && other.up_since <= newest) return;
    peer.session = other.key;
    newest = other.up_since;
  });
  peer.several = static_cast<bool>(peer.session);
}

void Core::Impl::close_session(SessionKey key, const Error& why, TimePoint now) {
  Session* s = sessions_.find(key);
  if (s == nullptr || s->closing) return;
  s->closing = true;
  s->close_why = why;
  if (!s->bye_sent) {
    s->bye_sent = true;
    send(*s, wire::Bye{.why = why.kind(), .answer = false}, now);
    s->bye = s->out.at(s->out.size() - 1);
  }
  // Time for what is queued, the bye last; the peer answers it, and both sides close.
  s->close_at = now + kByeTakes;
  s->bye_until = now + kRailStall;
  timers_.add({.at = s->close_at, .session = true, .who = key});
  detach_peer(*s);
  transfers_.for_each([&](Key, Transfer& t) {
    if (t.session == key) lose_session(t, why, now);
  });
}

void Core::Impl::on_bye(Session& s, const wire::Bye& m, TimePoint now) {
  if (!m.answer && !s.bye_sent) {
    s.bye_sent = true;
    send(s, wire::Bye{.why = m.why, .answer = true}, now);
  }
  const bool answered = s.closing && m.answer;
  if (!s.closing) {
    Error why = Error(ErrorClass::kPeerLost, "session", "the peer closed it");
    if (m.why == ErrorClass::kForbidden)
      why = Error(ErrorClass::kForbidden, "session", "the peer does not admit this node")
                .with_hint("on the other side: --allow " + options_.self.to_string());
    else if (m.why == ErrorClass::kOverloaded || m.why == ErrorClass::kUnsupported)
      why = Error(m.why, "session", "the peer closed it").with_hint("try again later");
    close_session(s.key, std::move(why).with_peer(s.label()), now);
  }
  if (answered || m.answer) s.close_at = now;
  timers_.add(
      {.at = std::max(now, std::min(s.close_at, now + std::chrono::milliseconds(50))), .session = true, .who = s.key});
}

void Core::Impl::session_down(SessionKey key, const Error& why, TimePoint now) {
  Session* s = sessions_.find(key);
  if (s == nullptr) return;
  s->closing = true;
  const NodeId id = s->spec.peer;
  detach_peer(*s);
  for (Rail& r : s->rails) {
    if (r.number == 0) r.state = Rail::State::kDown;
    if (r.number != 0) close_rail(*s, r, "its session ended", now);
  }
  // The stream's own writes are quiet: its Down is the last event of that channel.
  transfers_.for_each([&](Key, Transfer& t) {
    if (t.session == key) {
      for (RoundRail& rr : t.target.rails) {
        if (rr.rail == 0) {
          rr.gone = true;
          rr.revoke();
        }
      }
      lose_session(t, why, now);
    }
  });
  transfers_.for_each([&](Key, Transfer& t) {
    if (t.session == key && t.phase == Phase::kQuieting) check_round(t, now);
  });
  while (!s->out.empty()) posts_.give_back(s->out.pop());
  if (s->spec.dialled && !s->established) dial_failed(id, s->close_why ? *s->close_why : why, now);
  const bool rails_left = std::any_of(s->rails.begin(), s->rails.end(), [](const Rail& r) {
    return r.state == Rail::State::kUp || r.state == Rail::State::kClosing || r.state == Rail::State::kDialling;
  });
  if (!rails_left) drop_session(*s);
}

void Core::Impl::drop_session(Session& s) {
  active_sources_ -= s.sources.size();
  sessions_.give_back(s.key);
}

void Core::Impl::dial_failed(const NodeId& peer, const Error& why, TimePoint now) {
  peers_[peer].asked = false;
  transfers_.for_each([&](Key, Transfer& t) {
    if (t.phase == Phase::kWaitSession && t.peer == peer)
      fail(t, t.session_lost_at == kNever ? why : lost_error(t, why), now);
  });
}

void Core::Impl::on_ping(Session& s, const wire::Ping& m, TimePoint now) {
  if (!m.answer) {
    send(s, wire::Ping{.nonce = m.nonce, .answer = true, .wall_ns = options_.wall_clock ? options_.wall_clock() : 0},
         now);
    return;
  }
  if (m.nonce == 0) return;
  const TransferKey* key = ours_.find(m.nonce);
  Transfer* t = key == nullptr ? nullptr : transfers_.find(*key);
  if (t == nullptr || t->role != Role::kPing || t->phase != Phase::kWaitAnswer) return;
  const Duration round_trip = now - t->phase_since;
  const std::int64_t here = options_.wall_clock ? options_.wall_clock() : 0;
  tell(*t, Pinged{.round_trip = round_trip,
                  .skew_ns = m.wall_ns - (here - round_trip.count() / 2),
                  .host_name = s.host_name,
                  .incarnation = s.incarnation,
                  .version = wire::kVersion});
  finish(*t);
}

void Core::Impl::session_timer(Session& s, TimePoint now) {
  if (s.closing) {
    // A receipt that its sender never hears is a push that it takes for lost: it is told before the bye, however slow
    // the device.
    if (now >= s.close_at && now < s.bye_until && bye_waits(s)) s.close_at = std::min(s.bye_until, now + kByeTakes);
    if (now >= s.close_at) {
      s.close_at = kNever;
      actions_.push(CloseSession{.session = s.key, .why = Error(ErrorClass::kPeerLost, "session", "closed")});
    }
    if (s.close_at != kNever) timers_.add({.at = s.close_at, .session = true, .who = s.key});
    return;
  }
  if (s.retired && s.transfers == 0)
    return close_session(s.key, Error(ErrorClass::kPeerLost, "session", "replaced by another session with this peer"),
                         now);
  const Liveness& liveness = options_.liveness;
  if (now - s.last_heard >= liveness.silent_after) {
    const auto silent_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - s.last_heard).count();
    const Error why = Error(ErrorClass::kPeerLost, "session", fmt::format("nothing heard for {} ms", silent_ms))
                          .with_hint("weft ping tells whether it answers again")
                          .with_peer(s.label());
    s.closing = true;
    s.close_why = why;
    detach_peer(s);
    const SessionKey key = s.key;
    // Nothing is tried again over another session: who was silent for so long would be so to a dial, and the bound of
    // these calls is used up.
    transfers_.for_each([&](Key, Transfer& t) {
      if (t.session == key) fail(t, lost_error(t, why), now);
    });
    actions_.push(CloseSession{.session = key, .why = why});
    return;
  }
  if (now - s.last_heard >= liveness.heartbeat || now - s.last_said >= liveness.heartbeat) send(s, wire::Ping{}, now);
  for (Rail& r : s.rails) {
    const bool silent_ask =
        (r.state == Rail::State::kAsked || r.state == Rail::State::kListening || r.state == Rail::State::kDialling) &&
        now - r.since > 2 * kPassLives;
    const bool stalled = r.number != 0 && r.up() && (r.posts > 0 || r.messages > 0) && now - r.last_finish > kRailStall;
    if (silent_ask || stalled) close_rail(s, r, stalled ? "no post finished for 2 s" : "it did not come up", now);
  }
  // At the next heartbeat, and not later than silence is found.
  timers_.add(
      {.at = std::min(now + liveness.heartbeat, s.last_heard + liveness.silent_after), .session = true, .who = s.key});
}

void Core::Impl::leave_room(Session& s, TimePoint now) {
  while (!s.waiting.empty() && s.open_ours < s.max_open) {
    Transfer* t = transfers_.find(s.waiting.pop());
    if (t != nullptr && t->phase == Phase::kWaitRoom && t->session == s.key) send_opening(*t, s, now);
  }
}

}  // namespace weft::transfer
