#include <weft/nodes/node_ref.hpp>

#include <algorithm>

#include <weft/nodes/node_state.hpp>

namespace weft::detail {
namespace {

PoolSession report_of(const transfer::SessionInfo& info, TimePoint now) {
  return {.peer = info.peer,
          .incarnation = info.incarnation,
          .host = info.host_name,
          .address = info.address,
          .dialled = info.dialled,
          .same_host = info.same_host,
          .established = info.established,
          .closing = info.closing,
          .transfers = info.transfers,
          .idle = info.transfers == 0 ? std::max(now - info.idle_since, Duration{}) : Duration{},
          .rails = info.rails};
}

}  // namespace

Result<NodeRef::Held> NodeRef::lock() const {
  auto state = state_.lock();
  if (!state) return fail(NodeState::stopped());
  return Held(std::move(state));
}

void NodeRef::cancel(std::uint64_t cookie) const {
  if (const auto state = state_.lock()) state->ask_cancel(cookie);
}

void NodeRef::let_go(KeepAlive memory) const {
  const auto state = state_.lock();
  if (memory && state) state->let_go(std::move(memory));
}

/// Whatever is submitted while the node is held is run: its end runs what is left.
template <class T, class Ask>
void NodeRef::ask(Answer<T> answer, Ask ask) const {
  const auto state = state_.lock();
  if (!state || state->is_stopped()) return answer(fail(NodeState::stopped()));
  state->submit([state = state.get(), answer = std::move(answer), ask = std::move(ask)](TimePoint now) mutable {
    answer(ask(*state, now));
  });
}

void NodeRef::peers(Answer<std::vector<PoolPeer>> answer) const {
  ask(std::move(answer), [](NodeState& state, TimePoint now) -> Result<std::vector<PoolPeer>> {
    std::vector<PoolPeer> all;
    for (auto& peer : state.pool().peers()) {
      const auto session = state.core().session_with(peer.ticket.node);
      const auto info = session ? state.core().session(*session) : std::nullopt;
      all.push_back({.ticket = std::move(peer.ticket),
                     .connected = info && info->established && !info->closing,
                     .back_off = std::max(peer.not_before - now, Duration{})});
    }
    return all;
  });
}

void NodeRef::sessions(Answer<std::vector<PoolSession>> answer) const {
  ask(std::move(answer), [](NodeState& state, TimePoint now) -> Result<std::vector<PoolSession>> {
    std::vector<PoolSession> all;
    for (const auto& info : state.core().sessions()) all.push_back(report_of(info, now));
    return all;
  });
}

void NodeRef::pool_metrics(Answer<PoolMetrics> answer) const {
  ask(std::move(answer), [](NodeState& state, TimePoint) -> Result<PoolMetrics> {
    const auto& counted = state.pool().metrics();
    const auto sessions = state.core().sessions();
    return PoolMetrics{.hits = counted.hits,
                       .misses = counted.misses,
                       .dials = counted.dials,
                       .failed_dials = counted.failed_dials,
                       .evictions = counted.evictions,
                       .sessions = static_cast<std::size_t>(
                           std::ranges::count_if(sessions, [](const auto& session) { return !session.closing; })),
                       .limit = state.pool().options().limit};
  });
}

void NodeRef::drop(const NodeId& peer, Answer<std::size_t> answer) const {
  ask(std::move(answer), [peer](NodeState& state, TimePoint now) -> Result<std::size_t> {
    std::size_t dropped = 0;
    for (const auto& session : state.core().sessions()) {
      if (session.peer != peer || session.closing) continue;
      state.core().close_session(session.key,
                                 Error(ErrorClass::kPeerLost, "session", "dropped by this node's application"), now);
      ++dropped;
    }
    if (dropped == 0)
      return fail(Error(ErrorClass::kNotFound, "drop", "there is no session with that peer")
                      .with_peer(peer.short_string())
                      .with_hint("ListSessions tells which there are"));
    return dropped;
  });
}

}  // namespace weft::detail
