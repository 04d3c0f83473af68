#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include <weft/nodes/c/regions.hpp>

namespace weft::c {

/// The grains of a discrete flow, sent from where they lie while its writer, of this process or another, goes on:
/// whether one is there, and whether it still was when it had arrived. Any thread.
class FlowSource {
 public:
  explicit FlowSource(std::shared_ptr<Regions> regions)
      : regions_(std::move(regions)), noted_(regions_->buffers().size()) {}

  /// A grain's header and payload, to be sent. TOO_EARLY; TOO_LATE: it is overwritten, or is being; FLOW_INVALID.
  Outcome<std::span<const std::byte>> grain(std::uint64_t index);
  /// Whether nothing has written over the grain since `grain` last gave it.
  bool still_holds(std::uint64_t index) const;

 private:
  /// What lay in a slot when it was given last.
  struct Noted {
    std::uint64_t index = kNoGrain;
    std::uint64_t sequence = 0;
    bool committed = false;  ///< else a fabric wrote it, and its commit is still to come
  };

  const std::shared_ptr<Regions> regions_;
  mutable std::mutex mutex_;
  std::vector<Noted> noted_;  ///< by slot
};

}  // namespace weft::c
