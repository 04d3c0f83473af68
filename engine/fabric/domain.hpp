#pragma once

#include <weft/fabric/fabric.hpp>

namespace weft::fabric {

/// Where memory is registered and endpoints live. Everything opened from one domain belongs to one thread at a time
/// (FI_THREAD_DOMAIN). Registrations, queues and endpoints keep it open; the last of them closes it.
class Domain {
 public:
  /// Where memory must be registered before it is sent from, libfabric's own cache of registrations is turned off
  /// (Library::stop_registration_cache); Unsupported where it cannot be.
  static Result<Domain> open(const Fabric& fabric);

  FabricInfoView info() const noexcept { return info_.view(); }
  /// Remote addresses are virtual addresses rather than offsets.
  bool using_virtual_addresses() const noexcept { return info().using_virtual_addresses(); }
  /// An immediate consumes a receive of the target, which must keep some posted.
  bool using_recv_buf_for_cq_data() const noexcept { return info().using_recv_buf_for_cq_data(); }
  fid_domain* raw() const noexcept { return owned_->handle.get(); }
  const SharedFid<fid_domain>& shared() const noexcept { return owned_; }

 private:
  Domain(FabricInfo info, SharedFid<fid_domain> owned) : info_(std::move(info)), owned_(std::move(owned)) {}
  FabricInfo info_;
  SharedFid<fid_domain> owned_;
};

}  // namespace weft::fabric
