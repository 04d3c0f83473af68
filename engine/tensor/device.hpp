#pragma once

#include <cstdint>
#include <string>

namespace weft {

enum class DeviceKind : std::uint8_t { kHost, kCuda };

/// Whose memory a pointer points into. `id` counts the devices of a kind; 0 for the host.
struct Device {
  DeviceKind kind = DeviceKind::kHost;
  std::int32_t id = 0;

  static constexpr Device cuda(std::int32_t id) { return {.kind = DeviceKind::kCuda, .id = id}; }
  constexpr bool is_host() const noexcept { return kind == DeviceKind::kHost; }
  /// torch's names: "cpu", "cuda:0".
  std::string to_string() const { return is_host() ? "cpu" : "cuda:" + std::to_string(id); }
  bool operator==(const Device&) const = default;
};

}  // namespace weft
