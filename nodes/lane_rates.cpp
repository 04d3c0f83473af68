#include <weft/nodes/lane_rates.hpp>

#include <algorithm>

namespace weft::detail {
namespace {

constexpr std::uint64_t kLeastBytes = 4ull << 20;
constexpr std::size_t kMost = 4096;

}  // namespace

void LaneRates::note(const NodeId& peer, const Incarnation& incarnation, Lane lane, std::uint64_t bytes,
                     Duration taken) {
  if (bytes < kLeastBytes || taken <= Duration::zero()) return;
  const double rate = static_cast<double>(bytes) / std::chrono::duration<double>(taken).count();
  const std::lock_guard lock(mutex_);
  if (rates_.size() >= kMost) rates_.clear();
  Rate& known = rates_[{peer, lane}];
  if (known.incarnation != incarnation) known = {.incarnation = incarnation};
  known.bytes_per_second = std::max(known.bytes_per_second, rate);
}

std::optional<double> LaneRates::of(const NodeId& peer, const Incarnation& incarnation, Lane lane) const {
  const std::lock_guard lock(mutex_);
  const auto found = rates_.find({peer, lane});
  if (found == rates_.end() || found->second.incarnation != incarnation) return std::nullopt;
  return found->second.bytes_per_second;
}

}  // namespace weft::detail
