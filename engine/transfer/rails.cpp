#include <algorithm>

#include <weft/transfer/core_impl.hpp>

/// Rails of the core's sessions: asked for, listened for, dialled, joined, closed.
namespace weft::transfer {

Rail* Core::Impl::rail(Session& s, std::uint16_t number) {
  for (Rail& r : s.rails)
    if (r.number == number) return &r;
  return nullptr;
}

void Core::Impl::set_ready(Session& s, Rail& r) {
  if (r.ready) return;
  r.ready = true;
  ready_.push(RailRef{.session = s.key, .number = r.number});
}

void Core::Impl::set_ready(Session& s, std::uint16_t number) {
  if (Rail* r = rail(s, number)) set_ready(s, *r);
}

/// The first rail is asked for at a session's first transfer above inline size, by the side that receives. It is
/// dialled by the side that dialled the session, which alone is known to reach the other: the acceptor invites it.
void Core::Impl::want_rail(Session& s, Lane asked, TimePoint now) {
  for (const wire::LaneOffer& offer : s.spec.rail_lanes) {
    if (asked != Lane::kAuto && asked != offer.lane) continue;
    const bool there = std::any_of(s.rails.begin(), s.rails.end(), [&](const Rail& r) {
      return r.lane == offer.lane && r.state != Rail::State::kDown;
    });
    const bool tried = std::any_of(s.rails.begin(), s.rails.end(), [&](const Rail& r) {
      return r.lane == offer.lane && r.state == Rail::State::kDown && now - r.since < std::chrono::seconds(1);
    });
    if (there || tried) continue;
    const std::uint16_t number = s.next_rail;
    s.next_rail = static_cast<std::uint16_t>(s.next_rail + 2);
    std::erase_if(s.rails,
                  [&](const Rail& r) { return r.number != 0 && r.state == Rail::State::kDown && r.posts == 0; });
    if (s.spec.dialled) {
      s.rails.push_back({.number = number, .lane = offer.lane, .state = Rail::State::kAsked, .since = now});
      send(s, wire::RailRequest{.number = number, .lane = offer.lane}, now);
    } else {
      s.rails.push_back({.number = number, .lane = offer.lane, .state = Rail::State::kListening, .since = now});
      actions_.push(ListenRail{.rail = {.session = s.key, .number = number}, .lane = offer.lane});
    }
    return;
  }
}

void Core::Impl::on_rail_request(Session& s, const wire::RailRequest& m, TimePoint now) {
  Rail* r = rail(s, m.number);
  if (m.closed) {
    if (r != nullptr && r->number != 0) close_rail(s, *r, "the peer closed it", now);
    return;
  }
  const bool allowed = std::any_of(s.spec.rail_lanes.begin(), s.spec.rail_lanes.end(),
                                   [&](const wire::LaneOffer& offer) { return offer.lane == m.lane; });
  const bool theirs = m.number != 0 && (m.number % 2 == 0) != s.spec.dialled;
  const auto open =
      std::count_if(s.rails.begin(), s.rails.end(), [](const Rail& x) { return x.state != Rail::State::kDown; });
  const bool may_open = allowed && theirs && r == nullptr && open <= kMaxRails;
  const auto add = [&](Rail::State state) {
    std::erase_if(s.rails,
                  [&](const Rail& x) { return x.number != 0 && x.state == Rail::State::kDown && x.posts == 0; });
    s.rails.push_back({.number = m.number, .lane = m.lane, .state = state, .since = now});
    return &s.rails.back();
  };
  const auto refuse = [&] {
    const auto told = std::find_if(s.refused.rbegin(), s.refused.rend(),
                                   [&](const auto& refused) { return refused.first == m.lane; });
    const std::string reason = allowed                    ? "no such rail may be opened"
                               : told != s.refused.rend() ? told->second
                                                          : "this lane is not offered to this peer";
    send(s, wire::RailRequest{.number = m.number, .lane = m.lane, .answer = true, .refused = true, .reason = reason},
         now);
  };
  if (m.answer) {
    if (!allowed && theirs && r == nullptr && s.spec.dialled && !m.refused) return refuse();  // an invitation
    if (may_open && s.spec.dialled && !m.refused) r = add(Rail::State::kAsked);               // an invitation
    const bool invited = m.refused && r != nullptr && r->state == Rail::State::kListening;
    if (r == nullptr || (r->state != Rail::State::kAsked && !invited)) return;
    if (m.refused) {
      s.refused.emplace_back(r->lane, std::string(m.reason));
      std::erase_if(s.spec.rail_lanes, [&](const wire::LaneOffer& offer) { return offer.lane == r->lane; });
      r->state = Rail::State::kDown;
      r->since = now;
      return;
    }
    r->state = Rail::State::kDialling;
    r->since = now;
    s.exchanged = s.exchanged || may_carry_exchanges(r->lane);
    actions_.push(DialRail{.rail = {.session = s.key, .number = r->number},
                           .lane = r->lane,
                           .address = std::string(m.address),
                           .nonce = m.nonce});
    return;
  }
  if (!may_open) return refuse();
  add(Rail::State::kListening);
  actions_.push(ListenRail{.rail = {.session = s.key, .number = m.number}, .lane = m.lane});
}

void Core::Impl::on_rail_listening(RailRef ref, const Result<std::string>& address, TimePoint now) {
  Session* s = sessions_.find(ref.session);
  if (s == nullptr || s->closing) return;
  Rail* r = rail(*s, ref.number);
  if (r == nullptr || r->state != Rail::State::kListening) return;
  if (!address) {
    const std::string reason(address.error().message());
    send(*s, wire::RailRequest{.number = r->number, .lane = r->lane, .answer = true, .refused = true, .reason = reason},
         now);
    s->refused.emplace_back(r->lane, reason);
    r->state = Rail::State::kDown;
    r->since = now;
    return;
  }
  r->nonce = options_.random();
  r->since = now;
  send(*s,
       wire::RailRequest{.number = r->number, .lane = r->lane, .address = *address, .nonce = r->nonce, .answer = true},
       now);
}

bool Core::Impl::admit_rail(SessionKey session, std::uint16_t number, std::uint64_t nonce, TimePoint now) {
  Session* s = sessions_.find(session);
  if (s == nullptr || s->closing) return false;
  Rail* r = rail(*s, number);
  if (r == nullptr || r->state != Rail::State::kListening || r->nonce != nonce || now - r->since > kPassLives)
    return false;
  r->state = Rail::State::kDialling;  // the pass is used up
  s->exchanged = s->exchanged || may_carry_exchanges(r->lane);
  r->since = now;
  return true;
}

void Core::Impl::on_rail_up(RailRef ref, const lane::Traits& traits, TimePoint now) {
  Session* s = sessions_.find(ref.session);
  Rail* r = s == nullptr ? nullptr : rail(*s, ref.number);
  if (r == nullptr || s->closing || r->state != Rail::State::kDialling) {
    if (r != nullptr) r->state = Rail::State::kClosing;
    actions_.push(CloseRail{.rail = ref});
    return;
  }
  r->state = Rail::State::kUp;
  r->traits = traits;
  r->since = r->last_finish = now;
  set_ready(*s, *r);  // a grant may have named it already
  join_rail(*s, ref.number, now);
}

void Core::Impl::close_rail(Session& s, Rail& r, const std::string& why, TimePoint now) {
  if (r.state == Rail::State::kClosing || r.state == Rail::State::kDown) return;
  const RailRef ref{.session = s.key, .number = r.number};
  const bool has_channel = r.state == Rail::State::kUp || r.state == Rail::State::kDialling;
  if (!s.closing) send(s, wire::RailRequest{.number = r.number, .lane = r.lane, .closed = true, .reason = why}, now);
  r.since = now;
  if (!has_channel) {
    r.state = Rail::State::kDown;
    return;
  }
  r.state = Rail::State::kClosing;
  actions_.push(CloseRail{.rail = ref});
  // The sending side stops at once; the receiving side is quiet when Down comes.
  transfers_.for_each([&](Key, Transfer& t) {
    if (t.session == s.key && t.is_source()) source_rail_down(s, t, ref.number, now);
  });
}

void Core::Impl::on_rail_down(RailRef ref, const Error& why, TimePoint now) {
  Session* s = sessions_.find(ref.session);
  if (s == nullptr) return;
  Rail* r = rail(*s, ref.number);
  if (r == nullptr) return;
  if (r->state == Rail::State::kDialling || r->state == Rail::State::kUp) {
    std::erase_if(s->refused, [&](const auto& told) { return told.first == r->lane; });  // it is tried for ever
    s->refused.emplace_back(r->lane, std::string(why.message()));
    if (!s->closing) send(*s, wire::RailRequest{.number = r->number, .lane = r->lane, .closed = true}, now);
  }
  r->state = Rail::State::kDown;
  r->since = now;
  r->credits.clear();
  exchanges_lost(*s, *r, now);
  transfers_.for_each([&](Key, Transfer& t) {
    if (t.session != ref.session) return;
    if (t.is_source()) return source_rail_down(*s, t, ref.number, now);
    bool touched = false;
    for (RoundRail& rr : t.target.rails) {
      if (rr.rail != ref.number || rr.gone) continue;
      rr.gone = true;
      rr.revoke();
      touched = true;
    }
    if (touched && t.role == Role::kMember) credit_lost(t, *s, now);
    if (touched) check_round(t, now);
  });
  if (s->closing && rail(*s, 0)->state == Rail::State::kDown &&
      std::none_of(s->rails.begin(), s->rails.end(), [](const Rail& x) { return x.state != Rail::State::kDown; }))
    drop_session(*s);
}

}  // namespace weft::transfer
