#pragma once

#include <vector>

#include <weft/fabric/fabric.hpp>
#include <weft/fabric/local_region_group.hpp>
#include <weft/fabric/region_group.hpp>
#include <weft/fabric/registered_region.hpp>
#include <weft/fabric/remote_region_group.hpp>

namespace weft::fabric {

/// Where memory is registered and endpoints live. Everything opened from one domain belongs to one thread at a time
/// (FI_THREAD_DOMAIN). Registrations, queues and endpoints keep libfabric's object open; the last of them closes it.
/// What register_regions registered belongs to this object and ends with it, so that it is kept while peers may write.
class Domain {
 public:
  /// Where memory must be registered before it is sent from, libfabric's own cache of registrations is turned off
  /// (Library::stop_registration_cache); Unsupported where it cannot be.
  static Result<Domain> open(const Fabric& fabric);

  /// Registers every region, or none: after an error nothing of this call is left. May be called again; what was
  /// registered before stays. Keys are drawn at random where the provider leaves them to us. An empty group or region
  /// is InvalidArgument, memory that may not be pinned ResourceExhausted.
  Result<void> register_regions(const RegionGroup& regions, Access access);
  /// The same with libfabric's flags: FI_WRITE, FI_REMOTE_WRITE, …
  Result<void> register_regions(const RegionGroup& regions, std::uint64_t access);
  /// One registration of the caller's own.
  Result<RegisteredRegion> register_region(const Region& region, Access access) const;
  /// What register_regions registered, in its order: to write from, and to be written to. The references are good
  /// until the next registration.
  const LocalRegionGroup& local_regions() const noexcept { return local_; }
  const RemoteRegionGroup& remote_regions() const noexcept { return remote_; }

  FabricInfoView info() const noexcept { return info_.view(); }
  /// Remote addresses are virtual addresses rather than offsets.
  bool using_virtual_addresses() const noexcept { return info().using_virtual_addresses(); }
  /// An immediate consumes a receive of the target, which keeps as many posted as may be on their way and posts one for
  /// each arrival. The arrival need not say is_recv.
  bool using_recv_buf_for_cq_data() const noexcept { return info().using_recv_buf_for_cq_data(); }
  fid_domain* raw() const noexcept { return owned_->handle.get(); }
  fid_fabric* raw_fabric() const noexcept { return fabric_; }
  const SharedFid<fid_domain>& shared() const noexcept { return owned_; }

 private:
  Domain(FabricInfo info, fid_fabric* fabric, SharedFid<fid_domain> owned)
      : info_(std::move(info)), fabric_(fabric), owned_(std::move(owned)) {}
  FabricInfo info_;
  fid_fabric* fabric_;  // kept open by owned_
  SharedFid<fid_domain> owned_;
  std::vector<RegisteredRegion> registered_;
  LocalRegionGroup local_;
  RemoteRegionGroup remote_;
};

}  // namespace weft::fabric
