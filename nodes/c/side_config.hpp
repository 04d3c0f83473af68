#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <weft/nodes/c/access_key.hpp>
#include <weft/nodes/c/regions.hpp>

namespace weft::c {

/// What a caller's weftTargetConfig or weftInitiatorConfig says, checked. A value.
struct SideConfig {
  enum class Side : std::uint8_t { kTarget, kInitiator };

  /// "127.0.0.1:0", "[::1]:7000", "host:7000"; of shm the name of its socket, "" for one of its own.
  std::string listen{};
  weftFabricsProvider provider = WEFT_FABRICS_PROVIDER_ANY;
  std::shared_ptr<Regions> regions{};
  std::optional<std::uint64_t> cq_depth{};
  std::optional<AccessKey> access_key{};
  std::optional<std::uint64_t> slices{};
  std::uint64_t sync_batch = 256;  ///< samples of a channel
  std::filesystem::path identity{};
  std::string ring{};
  std::uint32_t initiators = 1;

  static Outcome<SideConfig> read(const weftTargetConfig& config);
  static Outcome<SideConfig> read(const weftInitiatorConfig& config);
};

/// "host:port" of a caller's address. INVALID_ARG: a port that is none, or one without a host.
Outcome<std::string> listen_of(const weftEndpointAddress& address);

}  // namespace weft::c
