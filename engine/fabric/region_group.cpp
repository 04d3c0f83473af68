#include <weft/fabric/region_group.hpp>

namespace weft::fabric {

RegionGroup::RegionGroup(std::initializer_list<Region> regions)
    : RegionGroup(std::span<const Region>{regions.begin(), regions.size()}) {}

RegionGroup::RegionGroup(std::span<const Region> regions) {
  regions_.reserve(regions.size());
  iovecs_.reserve(regions.size());
  for (const Region& region : regions) push_back(region);
}

void RegionGroup::push_back(const Region& region) {
  regions_.push_back(region);
  iovecs_.push_back(region.to_iovec());
}

}  // namespace weft::fabric
