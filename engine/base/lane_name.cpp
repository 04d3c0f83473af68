#include <weft/base/lane_name.hpp>

#include <array>
#include <cstddef>

namespace weft {
namespace {

constexpr std::array<std::string_view, 8> kNames{"auto", "tls", "tcp", "verbs", "efa", "shm", "kcp", "local"};

}  // namespace

std::string_view to_string(Lane lane) noexcept {
  const auto index = static_cast<std::size_t>(lane);
  return index < kNames.size() ? kNames[index] : std::string_view{"unknown"};
}

std::optional<Lane> parse_lane(std::string_view text) noexcept {
  for (std::size_t index = 0; index < kNames.size(); ++index)
    if (kNames[index] == text) return static_cast<Lane>(index);
  return std::nullopt;
}

}  // namespace weft
