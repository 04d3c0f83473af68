#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <weft/base/lane_name.hpp>
#include <weft/fabric/fabric_version.hpp>

namespace weft::fabric {

/// The transports of libfabric that Weft knows.
enum class Provider : std::uint8_t { kTcp, kVerbs, kEfa, kShm };
inline constexpr std::size_t kProviders = 4;

/// "tcp", "verbs", "efa", "shm"; "unknown" for a value outside the enumeration.
std::string_view to_string(Provider provider) noexcept;
/// Exact and case-sensitive.
std::optional<Provider> provider_from_string(std::string_view text) noexcept;

/// What libfabric itself calls them, best first: in 1.17 `net` is the faster tcp; from 1.18 it *is* `tcp`.
std::span<const std::string_view> libfabric_names(Provider provider) noexcept;
/// The provider that libfabric's name belongs to.
std::optional<Provider> provider_of(std::string_view libfabric_name) noexcept;

/// How an event loop waits for a provider's queues.
enum class WaitStyle : std::uint8_t {
  kEventQueueSet,  ///< one wait set on the event queue sees every socket; the completion queue needs none
  kDescriptors,    ///< a descriptor per queue, armed by fi_trywait
};

/// How a listener is taken away.
enum class ListenerEnd : std::uint8_t {
  kClose,  ///< fi_close
  kPark,   ///< its port is closed, the object kept: it is still referred to by connections that have not spoken yet
  kMute,   ///< it goes on listening and refuses everybody
};

/// What differs between providers where libfabric's own attributes do not tell.
struct ProviderHabits {
  Lane lane = Lane::kTcp;
  WaitStyle wait = WaitStyle::kDescriptors;
  ListenerEnd listener_end = ListenerEnd::kClose;
  std::uint64_t mr_mode = 0;  ///< registration modes to offer; 0: keys are ours, offsets count from the region
  std::uint64_t mode = 0;     ///< other modes to offer (FI_RX_CQ_DATA)
  /// Closing a connectionless endpoint that was never bound to an address vector crashes.
  bool close_needs_vector = false;
  std::uint64_t piece_bytes = 256 * 1024;
  std::uint64_t window_bytes = 512 * 1024;
  /// Of one message of the lane, 0: it carries none. As small as what rides it lets it be: receives of it are locked.
  std::uint32_t message_bytes = 0;
  bool completes_in_memory = false;  ///< reading its completion queue is no system call
};
/// `running` is the library's version.
ProviderHabits habits_of(std::string_view libfabric_name, FabricVersion running) noexcept;

}  // namespace weft::fabric
