#pragma once

#include <optional>
#include <string>
#include <vector>

#include <weft/base/result.hpp>
#include <weft/fabric/fabric_info.hpp>
#include <weft/fabric/fabric_version.hpp>

namespace weft::fabric {

/// A provider of this host's libfabric, and what it offers here. A value.
struct SurveyedProvider {
  struct Domain {
    std::string fabric{};  ///< "192.0.2.0/24"
    std::string domain{};  ///< a network device, "eth0", or an RDMA device, "mlx5_0"
    auto operator<=>(const Domain&) const = default;
  };
  std::string name{};                  ///< libfabric's: "net", "tcp;ofi_rxm"
  FabricVersion version{};             ///< its own
  std::vector<EndpointType> types{};   ///< each once
  std::vector<Domain> domains{};       ///< each once, in libfabric's order
  std::optional<Error> why_nothing{};  ///< where it offers nothing

  /// It does nothing by itself, but layered over others or looking on at them.
  bool is_layer() const noexcept { return name.starts_with("ofi_"); }
};

/// Every provider that libfabric was built with and could load, in its order of preference; behind them, those layered
/// over others. Unsupported without libfabric. Asks each provider what there is: milliseconds, and more where devices
/// are opened. Not for the start of a node.
Result<std::vector<SurveyedProvider>> survey_providers();

}  // namespace weft::fabric
