#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include <weft/base/clock.hpp>
#include <weft/base/ids.hpp>
#include <weft/transfer/core.hpp>
#include <weft/wire/ticket.hpp>

namespace weft::actors {

/// Which sessions a node keeps: where its peers are, one dial per peer however many calls ask, a limit with eviction of
/// the least recently used idle one, idle time-out, back-off after a failed dial, and metrics. State with plain
/// methods; the endpoint's loop owns it.
class SessionPool {
 public:
  struct Options {
    std::size_t limit = 64;
    Duration idle = std::chrono::minutes(5);
  };
  struct Metrics {
    std::uint64_t hits = 0, misses = 0, dials = 0, failed_dials = 0, evictions = 0;
  };
  explicit SessionPool(Options options) : options_(options) {}

  /// The ticket of a call: its addresses are where the peer is looked for from now on.
  void learn(const Ticket& ticket);
  const Ticket* ticket(const NodeId& peer) const;
  void count_use(bool hit) { ++(hit ? metrics_.hits : metrics_.misses); }

  /// May this peer be dialled now? When the pool is full, which idle session must make room (none: all are busy).
  struct Room {
    bool now = false;
    std::optional<transfer::SessionKey> evict{};
  };
  /// `arriving`: sessions that are being dialled or adopted; they have their place already.
  Room room(const std::vector<transfer::SessionInfo>& sessions, std::size_t arriving = 0) const;
  /// After a failed dial the next waits: 10 ms, doubling up to 1 s.
  TimePoint not_before(const NodeId& peer) const;
  void dialled(const NodeId& peer, bool ok, TimePoint now);
  /// Sessions that nobody has used for the idle time.
  std::vector<transfer::SessionKey> idle(const std::vector<transfer::SessionInfo>& sessions, TimePoint now);
  void evicted() { ++metrics_.evictions; }
  /// Where a peer is looked for, and until when it is not dialled again.
  struct Peer {
    Ticket ticket{};
    TimePoint not_before{};
  };
  std::vector<Peer> peers() const;
  const Metrics& metrics() const noexcept { return metrics_; }
  const Options& options() const noexcept { return options_; }

 private:
  struct Known {
    Ticket ticket{};
    Duration backoff{};
    TimePoint failed_at{};
  };
  static constexpr std::size_t kKnownPeers = 4096;
  Options options_;
  Metrics metrics_{};
  std::map<NodeId, Known> peers_;
};

}  // namespace weft::actors
