#include <weft/fabric/provider.hpp>

#include <rdma/fabric.h>
#include <rdma/fi_domain.h>

#include <array>

namespace weft::fabric {
namespace {

using Names = std::span<const std::string_view>;
constexpr std::array<std::string_view, 2> kTcpNames{"net", "tcp"};
constexpr std::array<std::string_view, 1> kVerbsNames{"verbs"};
constexpr std::array<std::string_view, 1> kEfaNames{"efa"};
constexpr std::array<std::string_view, 1> kShmNames{"shm"};

struct Row {
  Provider provider;
  std::string_view name;
  Names names;
};
constexpr std::array<Row, kProviders> kRows{
    Row{Provider::kTcp, "tcp", kTcpNames}, Row{Provider::kVerbs, "verbs", kVerbsNames},
    Row{Provider::kEfa, "efa", kEfaNames}, Row{Provider::kShm, "shm", kShmNames}};

}  // namespace

std::string_view to_string(Provider provider) noexcept {
  for (const Row& row : kRows)
    if (row.provider == provider) return row.name;
  return "unknown";
}

std::optional<Provider> provider_from_string(std::string_view text) noexcept {
  for (const Row& row : kRows)
    if (row.name == text) return row.provider;
  return std::nullopt;
}

Names libfabric_names(Provider provider) noexcept {
  for (const Row& row : kRows)
    if (row.provider == provider) return row.names;
  return {};
}

std::optional<Provider> provider_of(std::string_view libfabric_name) noexcept {
  for (const Row& row : kRows)
    for (std::string_view name : row.names)
      if (name == libfabric_name) return row.provider;
  return std::nullopt;
}

ProviderHabits habits_of(std::string_view libfabric_name, FabricVersion running) noexcept {
  const bool renamed = running >= FabricVersion{1, 18};
  if (libfabric_name == "net" || (libfabric_name == "tcp" && renamed))
    // Its fi_trywait does nothing, so a signalled queue would stay signalled; a wait set is reset by fi_wait. Its
    // listener is referred to by connections that have not sent their request: closing it frees what they will use.
    return {.lane = Lane::kTcp,
            .wait = WaitStyle::kEventQueueSet,
            .listener_end = ListenerEnd::kPark,
            .close_needs_vector = true};
  if (libfabric_name.ends_with(";ofi_rxm")) return {.close_needs_vector = true};
  if (libfabric_name == "tcp")
    return {.lane = Lane::kTcp, .wait = WaitStyle::kDescriptors, .listener_end = ListenerEnd::kMute};
  if (libfabric_name == "efa")
    return {.lane = Lane::kEfa,
            .mr_mode = FI_MR_LOCAL | FI_MR_VIRT_ADDR | FI_MR_ALLOCATED | FI_MR_PROV_KEY,
            .piece_bytes = 1024 * 1024,
            .window_bytes = 4 * 1024 * 1024};
  if (libfabric_name == "verbs")
    return {.lane = Lane::kVerbs,
            .mr_mode = FI_MR_LOCAL | FI_MR_VIRT_ADDR | FI_MR_ALLOCATED | FI_MR_PROV_KEY,
            .mode = FI_RX_CQ_DATA,
            .piece_bytes = 1024 * 1024,
            .window_bytes = 4 * 1024 * 1024,
            .message_bytes = 5 * 1024,  // 4 KiB of a tensor, and what is said of it
            .completes_in_memory = true};
  return {};
}

}  // namespace weft::fabric
