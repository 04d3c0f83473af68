#pragma once

#include <sys/uio.h>

#include <initializer_list>
#include <span>
#include <vector>

#include <weft/fabric/region.hpp>

namespace weft::fabric {

/// Regions in order, and the same as libfabric takes them. A value; borrows the bytes.
/// Invariant: as_iovec()[i] is (*this)[i].
class RegionGroup {
 public:
  RegionGroup() = default;
  RegionGroup(std::initializer_list<Region> regions);
  explicit RegionGroup(std::span<const Region> regions);

  void push_back(const Region& region);
  std::size_t size() const noexcept { return regions_.size(); }
  bool empty() const noexcept { return regions_.empty(); }
  const Region& operator[](std::size_t index) const noexcept { return regions_[index]; }
  auto begin() const noexcept { return regions_.begin(); }
  auto end() const noexcept { return regions_.end(); }
  const Region* data() const noexcept { return regions_.data(); }
  std::span<const iovec> as_iovec() const noexcept { return iovecs_; }
  bool operator==(const RegionGroup& other) const noexcept { return regions_ == other.regions_; }

 private:
  std::vector<Region> regions_;
  std::vector<iovec> iovecs_;
};

}  // namespace weft::fabric
