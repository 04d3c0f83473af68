#pragma once

#include <sys/uio.h>

#include <initializer_list>
#include <span>
#include <vector>

#include <weft/fabric/local_region.hpp>

namespace weft::fabric {

/// A part of a LocalRegionGroup, borrowed from it.
using LocalRegionGroupSpan = std::span<const LocalRegion>;

/// Ranges of our memory that one write gathers, in order, and the same as libfabric takes them. A value.
/// Invariant: as_iovec()[i] and descs()[i] are those of (*this)[i].
class LocalRegionGroup {
 public:
  LocalRegionGroup() = default;
  LocalRegionGroup(std::initializer_list<LocalRegion> regions);
  explicit LocalRegionGroup(std::span<const LocalRegion> regions);

  void push_back(const LocalRegion& region);
  std::size_t size() const noexcept { return regions_.size(); }
  bool empty() const noexcept { return regions_.empty(); }
  const LocalRegion& operator[](std::size_t index) const noexcept { return regions_[index]; }
  auto begin() const noexcept { return regions_.begin(); }
  auto end() const noexcept { return regions_.end(); }
  const LocalRegion* data() const noexcept { return regions_.data(); }
  /// Bytes of all ranges together.
  std::uint64_t bytes() const noexcept;
  /// Ranges [begin, end). InvalidArgument unless begin ≤ end ≤ size(). Borrowed from this group.
  Result<LocalRegionGroupSpan> span(std::size_t begin, std::size_t end) const;
  std::span<const iovec> as_iovec() const noexcept { return iovecs_; }
  std::span<void* const> descs() const noexcept { return descs_; }
  bool operator==(const LocalRegionGroup& other) const noexcept { return regions_ == other.regions_; }

 private:
  std::vector<LocalRegion> regions_;
  std::vector<iovec> iovecs_;
  std::vector<void*> descs_;
};

}  // namespace weft::fabric
