#pragma once

#include <initializer_list>
#include <span>
#include <vector>

#include <weft/fabric/remote_region.hpp>

struct fi_rma_iov;

namespace weft::fabric {

/// Ranges of one peer's memory that one write scatters to, in order. A value. Its keys are shown to that peer only.
class RemoteRegionGroup {
 public:
  RemoteRegionGroup() = default;
  RemoteRegionGroup(std::initializer_list<RemoteRegion> regions) : regions_(regions) {}
  explicit RemoteRegionGroup(std::span<const RemoteRegion> regions) : regions_(regions.begin(), regions.end()) {}

  void push_back(const RemoteRegion& region) { regions_.push_back(region); }
  std::size_t size() const noexcept { return regions_.size(); }
  bool empty() const noexcept { return regions_.empty(); }
  const RemoteRegion& operator[](std::size_t index) const noexcept { return regions_[index]; }
  auto begin() const noexcept { return regions_.begin(); }
  auto end() const noexcept { return regions_.end(); }
  const RemoteRegion* data() const noexcept { return regions_.data(); }
  /// Bytes of all ranges together.
  std::uint64_t bytes() const noexcept;
  /// The same for fi_writemsg.
  std::vector<fi_rma_iov> to_rma_iov() const;
  bool operator==(const RemoteRegionGroup&) const = default;

 private:
  std::vector<RemoteRegion> regions_;
};

}  // namespace weft::fabric
