#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weft/fabric/provider_survey.hpp>
#include <weft/fabric/rdma_port.hpp>
#include <weft/nodes/cli/finding.hpp>
#include <weft/nodes/cli/output.hpp>
#include <weft/nodes/plan.hpp>

namespace weft::cli {

/// What of this host can carry bytes: libfabric's providers, and RDMA devices. A value, so that what is concluded from
/// it is tested without the devices.
struct FabricReport {
  struct Device {
    std::string name{};
    std::string driver{};  ///< the kernel's; empty for one without hardware
  };
  std::vector<fabric::SurveyedProvider> providers{};
  std::optional<Error> no_library{};  ///< why there are no providers at all
  bool narrowed = false;              ///< FI_PROVIDER says which of them libfabric may use
  std::vector<Device> devices{};      ///< as the kernel tells them
  std::vector<fabric::RdmaPort> ports{};
  std::optional<Error> no_ports{};  ///< why they are not told: rdma-core is not here
  std::vector<LaneReport> lanes{};  ///< of a node that has started here
};

/// Asks libfabric and rdma-core: milliseconds, more where devices are opened. For the commands that show it.
FabricReport look_at_fabrics(std::vector<LaneReport> lanes);

/// Whether Weft uses a provider, and by which lane; or why not.
struct ProviderUse {
  bool used = false;
  std::string why{};
};
ProviderUse use_of(const fabric::SurveyedProvider& provider, const FabricReport& report);

/// The checks of `weft doctor` about lanes over libfabric, in this order.
Finding check_tcp(const FabricReport& report);
Finding check_verbs(const FabricReport& report);
Finding check_efa(const FabricReport& report);

/// "providers" and "rdma_ports", for a command's one object.
void add_fabrics(const FabricReport& report, Json& object);
/// The tables of both, each behind an empty line, what is empty left out. With --plain each row begins with "provider"
/// or "rdma".
void show_fabrics(const FabricReport& report, Output& out);

}  // namespace weft::cli
