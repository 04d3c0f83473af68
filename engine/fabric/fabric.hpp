#pragma once

#include <span>

#include <weft/base/result.hpp>
#include <weft/fabric/fabric_info.hpp>
#include <weft/fabric/handles.hpp>

namespace weft::fabric {

/// One provider's fabric: what everything else is opened from. One per loop: in libfabric 1.17 reading an event queue
/// progresses every domain of its fabric object, another thread's too.
class Fabric {
 public:
  /// Errors: libfabric's own, classed.
  static Result<Fabric> open(FabricInfoView info);

  FabricInfoView info() const noexcept { return info_.view(); }
  /// Whether a loop may block on its queues' descriptors now; false: read the queues first (fi_trywait).
  bool try_wait(std::span<fid* const> queues) const;
  fid_fabric* raw() const noexcept { return owned_->handle.get(); }
  const SharedFid<fid_fabric>& shared() const noexcept { return owned_; }

 private:
  Fabric(FabricInfo info, SharedFid<fid_fabric> owned) : info_(std::move(info)), owned_(std::move(owned)) {}
  FabricInfo info_;
  SharedFid<fid_fabric> owned_;
};

}  // namespace weft::fabric
