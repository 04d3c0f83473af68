#pragma once

#include <cstdint>

#include <weft/fabric/handles.hpp>
#include <weft/fabric/local_region.hpp>
#include <weft/fabric/region.hpp>
#include <weft/fabric/remote_region.hpp>

namespace weft::fabric {

/// What a registration permits.
enum class Access : std::uint8_t {
  kNone = 0,
  kWrite = 1,        ///< we write from it
  kRead = 2,         ///< we read into it
  kRemoteWrite = 4,  ///< peers may write it
  kRemoteRead = 8,   ///< peers may read it
  kSend = 16,
  kReceive = 32,
};
constexpr Access operator|(Access a, Access b) noexcept {
  return static_cast<Access>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
constexpr bool allows(Access set, Access one) noexcept {
  return (static_cast<std::uint8_t>(set) & static_cast<std::uint8_t>(one)) != 0;
}
/// Of libfabric's flags (FI_WRITE, FI_REMOTE_WRITE, …); flags that are none of these are left out.
Access access_of(std::uint64_t flags) noexcept;

class Domain;

/// A registration of memory, and its only owner: dropping it ends it. **That is no fence**: a write which had begun
/// goes on landing; only closing the endpoint stops it. The memory is borrowed and must outlive this.
class MemoryRegion {
 public:
  /// `key` is the remote key asked for; providers that choose their own ignore it (rkey() tells). A key in use is
  /// Exists; memory that may not be pinned is ResourceExhausted.
  static Result<MemoryRegion> reg(const Domain& domain, Region region, Access access, std::uint64_t key = 0);

  void* desc() const noexcept;
  std::uint64_t rkey() const noexcept;
  const Region& region() const noexcept { return region_; }
  LocalRegion to_local() const noexcept { return {region_.base, region_.size, desc()}; }
  RemoteRegion to_remote() const noexcept { return {virtual_ ? region_.base : 0, region_.size, rkey()}; }
  fid_mr* raw() const noexcept { return owned_->handle.get(); }

 private:
  MemoryRegion(Region region, bool uses_virtual, std::unique_ptr<Owned<fid_mr>> owned)
      : region_(region), virtual_(uses_virtual), owned_(std::move(owned)) {}
  Region region_;
  bool virtual_;
  std::unique_ptr<Owned<fid_mr>> owned_;
};

}  // namespace weft::fabric
