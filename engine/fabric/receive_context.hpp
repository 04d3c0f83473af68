#pragma once

#include <cstdint>

#include <weft/lane/lane.hpp>

namespace weft::fabric {

/// The context of a posted receive: whose it is, and which buffer lies behind it. Its highest bit is one that PostRing
/// never sets.
struct ReceiveContext {
  lane::Channel channel;
  std::uint32_t buffer = 0;  ///< below 2^31

  static bool is(const void* context) noexcept { return (number(context) & kTag) != 0; }
  static ReceiveContext of(const void* context) noexcept {
    const std::uint64_t value = number(context);
    return {lane::Channel{static_cast<std::uint32_t>(value)}, static_cast<std::uint32_t>((value & ~kTag) >> 32)};
  }
  void* raw() const noexcept { return reinterpret_cast<void*>(kTag | std::uint64_t{buffer} << 32 | channel.value); }

 private:
  static constexpr std::uint64_t kTag = std::uint64_t{1} << 63;
  static std::uint64_t number(const void* context) noexcept { return reinterpret_cast<std::uint64_t>(context); }
};

}  // namespace weft::fabric
