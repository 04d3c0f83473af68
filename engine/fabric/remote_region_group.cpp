#include <weft/fabric/remote_region_group.hpp>

#include <rdma/fabric.h>
#include <rdma/fi_rma.h>

namespace weft::fabric {

std::uint64_t RemoteRegionGroup::bytes() const noexcept {
  std::uint64_t sum = 0;
  for (const RemoteRegion& region : regions_) sum += region.len;
  return sum;
}

std::vector<fi_rma_iov> RemoteRegionGroup::to_rma_iov() const {
  std::vector<fi_rma_iov> ranges;
  ranges.reserve(regions_.size());
  for (const RemoteRegion& region : regions_) ranges.push_back({region.addr, region.len, region.rkey});
  return ranges;
}

}  // namespace weft::fabric
