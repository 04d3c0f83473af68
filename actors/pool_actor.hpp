#pragma once

#include <cstddef>
#include <vector>

#include <weft/actors/actor_error.hpp>
#include <weft/actors/caf.hpp>
#include <weft/nodes/pool_report.hpp>
#include <weft/nodes/tensor_node.hpp>

/// What a node's pool of sessions has, and does by itself when calls need it, by message. Every request is answered
/// once, with the struct beside it in PoolActor or a caf::error that `error_of` reads; ShuttingDown when the node has
/// stopped.
namespace weft::actors {

/// Every peer that the node was told of, with or without a session; at most the last 4096.
struct ListPeers {};
struct Peers {
  std::vector<PoolPeer> peers{};
};

/// Every session that is open, is being opened, or is closing.
struct ListSessions {};
struct Sessions {
  std::vector<PoolSession> sessions{};
};

/// Opens a session where there is none, and proves it by a round trip. One dial per peer, however many ask.
/// PeerUnreachable, Unauthenticated, Forbidden, DeadlineExceeded, Malformed (the ticket).
struct Dial {
  Peer peer{""};  ///< a Ticket, or its text
  Deadline deadline{};
};
struct Dialled {
  PingReport report{};
};

/// Closes the session with a peer: it is told `bye`. Transfers under way begin again over a new session where that is
/// safe, and end PeerLost else. NotFound: there is none.
struct Drop {
  NodeId peer{};
};
struct Dropped {
  std::size_t sessions = 0;
};

struct AskPoolMetrics {};

}  // namespace weft::actors

WEFT_MESSAGES_BEGIN(weft_pool, 4100)
WEFT_MESSAGE(weft_pool, weft::actors::ListPeers)
WEFT_MESSAGE(weft_pool, weft::actors::Peers)
WEFT_MESSAGE(weft_pool, weft::actors::ListSessions)
WEFT_MESSAGE(weft_pool, weft::actors::Sessions)
WEFT_MESSAGE(weft_pool, weft::actors::Dial)
WEFT_MESSAGE(weft_pool, weft::actors::Dialled)
WEFT_MESSAGE(weft_pool, weft::actors::Drop)
WEFT_MESSAGE(weft_pool, weft::actors::Dropped)
WEFT_MESSAGE(weft_pool, weft::actors::AskPoolMetrics)
WEFT_MESSAGE(weft_pool, weft::PoolMetrics)
WEFT_MESSAGES_END(weft_pool)

namespace weft::actors {

/// A node's pool, as a CAF application speaks to it. Lives as EndpointActor does.
using PoolActor = caf::typed_actor<Answers<ListPeers, Peers>, Answers<ListSessions, Sessions>, Answers<Dial, Dialled>,
                                   Answers<Drop, Dropped>, Answers<AskPoolMetrics, PoolMetrics>>;

PoolActor spawn_pool(caf::actor_system& system, const TensorNode& node);

}  // namespace weft::actors
