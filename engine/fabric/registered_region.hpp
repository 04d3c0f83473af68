#pragma once

#include <utility>

#include <weft/fabric/memory_region.hpp>

namespace weft::fabric {

/// A region together with its registration, and what each side needs of it. Move only; dropping it ends the
/// registration.
class RegisteredRegion {
 public:
  explicit RegisteredRegion(MemoryRegion registration) noexcept : registration_(std::move(registration)) {}

  const Region& region() const noexcept { return registration_.region(); }
  const MemoryRegion& registration() const noexcept { return registration_; }
  /// To write from.
  LocalRegion to_local() const noexcept { return registration_.to_local(); }
  /// For a peer to write to: at its virtual address, or at offset 0 (Domain::using_virtual_addresses).
  RemoteRegion to_remote(bool use_virtual_address) const noexcept {
    return {use_virtual_address ? region().base : 0, region().size, registration_.rkey()};
  }

 private:
  MemoryRegion registration_;
};

}  // namespace weft::fabric
