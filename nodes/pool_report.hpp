#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <weft/base/clock.hpp>
#include <weft/base/ids.hpp>
#include <weft/base/lane_name.hpp>
#include <weft/wire/ticket.hpp>

namespace weft {

/// A peer that this node was told of.
struct PoolPeer {
  Ticket ticket{};         ///< where it is looked for
  bool connected = false;  ///< a session with it is up
  Duration back_off{};     ///< until it is dialled again, after a dial that failed; 0: it may be dialled
};

/// A conversation with a peer, or one that is being opened or closed.
struct PoolSession {
  NodeId peer{};
  Incarnation incarnation{};  ///< the peer's; zero before `established`
  std::string host{};         ///< the peer's name for its host
  std::string address{};      ///< as connected: "tcp://10.0.0.7:7700"
  bool dialled = false;       ///< by this node
  bool same_host = false;
  bool established = false;
  bool closing = false;
  std::size_t transfers = 0;  ///< under way, in either direction
  Duration idle{};            ///< how long none has been
  std::vector<Lane> rails{};  ///< up, best first
};

/// Counters since start, and gauges (said so).
struct PoolMetrics {
  std::uint64_t hits = 0, misses = 0;         ///< calls that found a session, and those that did not
  std::uint64_t dials = 0, failed_dials = 0;  ///< that have ended; failed ones are among them
  std::uint64_t evictions = 0;                ///< for idleness, or to make room
  std::size_t sessions = 0;                   ///< gauge: those that are not closing
  std::size_t limit = 0;                      ///< gauge: Pool::connections
};

}  // namespace weft
