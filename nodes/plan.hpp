#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <weft/base/clock.hpp>
#include <weft/base/ids.hpp>
#include <weft/base/lane_name.hpp>

namespace weft {

/// One lane, as `explain` judges it.
struct PlanLane {
  std::string lane{};      ///< "tcp", "verbs", "tls"…
  std::string expected{};  ///< "4.8 GB/s", "mapped", or empty where this node has moved nothing over it yet
  bool chosen = false;
  bool usable = false;
  std::string verdict{};  ///< why
};

/// How a tensor would travel, and why not otherwise. Plain data.
struct Plan {
  std::string peer{};
  std::string name{};
  std::uint64_t bytes = 0;
  Generation generation{};
  bool same_host = false;
  std::vector<PlanLane> lanes{};
  /// The table that `weft explain` prints.
  std::string to_string() const;
};

/// What `ping` found.
struct PingReport {
  Duration round_trip{};
  Duration skew{};     ///< the peer's wall clock minus ours
  std::string peer{};  ///< host name and short id
  NodeId node{};
  Incarnation incarnation{};
  std::uint16_t version = 0;
  std::string address{};  ///< that the session uses
};

/// A lane this host could use: for `weft info`.
struct LaneReport {
  std::string lane{};
  bool used = false;
  std::string detail{};    ///< provider, version, device; or why not
  std::string provider{};  ///< libfabric's, where one carries it: "net"
};

/// Counters since start, and gauges (said so).
struct NodeStats {
  std::uint64_t pulls = 0, pushes = 0, serves = 0, receives = 0, failed = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::uint64_t integrity_failures = 0, stale = 0, pieces_reasked = 0;
  std::uint64_t dials = 0, pool_hits = 0, pool_misses = 0, evictions = 0;
  std::uint64_t sessions = 0;         ///< gauge
  std::uint64_t transfers = 0;        ///< gauge
  std::uint64_t catalog_tensors = 0;  ///< gauge
  std::uint64_t catalog_bytes = 0;    ///< gauge
  std::uint64_t landing_bytes = 0;    ///< gauge: leased and warm
  std::uint64_t inbox = 0;            ///< gauge: pushes received, not taken
};

}  // namespace weft
