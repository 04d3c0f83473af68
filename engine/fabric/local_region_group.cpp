#include <weft/fabric/local_region_group.hpp>

namespace weft::fabric {

LocalRegionGroup::LocalRegionGroup(std::initializer_list<LocalRegion> regions)
    : LocalRegionGroup(std::span<const LocalRegion>{regions.begin(), regions.size()}) {}

LocalRegionGroup::LocalRegionGroup(std::span<const LocalRegion> regions) {
  for (const LocalRegion& region : regions) push_back(region);
}

void LocalRegionGroup::push_back(const LocalRegion& region) {
  regions_.push_back(region);
  iovecs_.push_back(region.to_iovec());
  descs_.push_back(region.desc);
}

std::uint64_t LocalRegionGroup::bytes() const noexcept {
  std::uint64_t sum = 0;
  for (const LocalRegion& region : regions_) sum += region.len;
  return sum;
}

Result<LocalRegionGroupSpan> LocalRegionGroup::span(std::size_t begin, std::size_t end) const {
  if (begin > end || end > regions_.size())
    return fail(ErrorClass::kInvalidArgument, "LocalRegionGroup::span", "the part is not inside the group");
  return LocalRegionGroupSpan{regions_.data() + begin, end - begin};
}

}  // namespace weft::fabric
