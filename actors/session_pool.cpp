#include <weft/actors/session_pool.hpp>

#include <algorithm>

namespace weft::actors {

void SessionPool::learn(const Ticket& ticket) {
  auto found = peers_.find(ticket.node);
  if (found == peers_.end()) {
    if (peers_.size() >= kKnownPeers) peers_.erase(peers_.begin());
    found = peers_.emplace(ticket.node, Known{}).first;
  }
  if (found->second.ticket == ticket) return;
  found->second = {.ticket = ticket};  // new addresses: an old failure says nothing about them
}

const Ticket* SessionPool::ticket(const NodeId& peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? nullptr : &found->second.ticket;
}

SessionPool::Room SessionPool::room(const std::vector<transfer::SessionInfo>& sessions, std::size_t arriving) const {
  const transfer::SessionInfo* oldest = nullptr;
  std::size_t taken = arriving;
  for (const auto& session : sessions) taken += session.closing ? 0 : 1;
  if (taken < options_.limit) return {.now = true};
  for (const auto& session : sessions)
    if (session.established && !session.closing && session.transfers == 0 &&
        (oldest == nullptr || session.idle_since < oldest->idle_since))
      oldest = &session;
  if (oldest == nullptr) return {};
  return {.now = true, .evict = oldest->key};
}

TimePoint SessionPool::not_before(const NodeId& peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? TimePoint{} : found->second.failed_at + found->second.backoff;
}

std::vector<SessionPool::Peer> SessionPool::peers() const {
  std::vector<Peer> all;
  all.reserve(peers_.size());
  for (const auto& [id, known] : peers_)
    all.push_back({.ticket = known.ticket, .not_before = known.failed_at + known.backoff});
  return all;
}

void SessionPool::dialled(const NodeId& peer, bool ok, TimePoint now) {
  ++metrics_.dials;
  if (!ok) ++metrics_.failed_dials;
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return;
  found->second.failed_at = ok ? TimePoint{} : now;
  found->second.backoff =
      ok ? Duration{}
         : std::clamp<Duration>(found->second.backoff * 2, std::chrono::milliseconds(10), std::chrono::seconds(1));
}

std::vector<transfer::SessionKey> SessionPool::idle(const std::vector<transfer::SessionInfo>& sessions, TimePoint now) {
  std::vector<transfer::SessionKey> done;
  for (const auto& session : sessions)
    if (session.established && !session.closing && session.transfers == 0 && now - session.idle_since >= options_.idle)
      done.push_back(session.key);
  return done;
}

}  // namespace weft::actors
