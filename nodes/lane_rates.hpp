#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include <weft/base/clock.hpp>
#include <weft/base/ids.hpp>
#include <weft/base/lane_name.hpp>

namespace weft::detail {

/// What each lane has moved from and to each peer, at its best, since that peer started: what `explain` expects. Any
/// thread; bounded.
class LaneRates {
 public:
  /// One transfer, from its submission to its end. Small ones are latency and are left out.
  void note(const NodeId& peer, const Incarnation& incarnation, Lane lane, std::uint64_t bytes, Duration taken);
  /// Bytes a second, or nothing measured.
  std::optional<double> of(const NodeId& peer, const Incarnation& incarnation, Lane lane) const;

 private:
  struct Rate {
    Incarnation incarnation{};
    double bytes_per_second = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::pair<NodeId, Lane>, Rate> rates_;
};

}  // namespace weft::detail
