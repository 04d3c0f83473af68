#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace weft::fabric {

/// Memory, not registered yet. A value; borrows the bytes.
struct Region {
  /// Where memory is.
  class Location {
   public:
    static constexpr Location host() noexcept { return Location{-1}; }
    static constexpr Location cuda(int device) noexcept { return Location{device}; }
    constexpr bool is_host() const noexcept { return device_ < 0; }
    /// The device's number; 0 for the host.
    constexpr std::uint64_t id() const noexcept { return is_host() ? 0 : static_cast<std::uint64_t>(device_); }
    /// libfabric's name of the memory interface (fi_hmem_iface).
    std::uint32_t iface() const noexcept;
    /// "host" or "cuda, id=1".
    std::string to_string() const;
    bool operator==(const Location&) const = default;

   private:
    constexpr explicit Location(int device) noexcept : device_(device) {}
    int device_;
  };

  std::uintptr_t base = 0;
  std::size_t size = 0;  ///< bytes
  Location loc = Location::host();

  static Region of(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<std::uintptr_t>(bytes.data()), bytes.size(), Location::host()};
  }
  iovec to_iovec() const noexcept { return {reinterpret_cast<void*>(base), size}; }
  bool operator==(const Region&) const = default;
};

}  // namespace weft::fabric
