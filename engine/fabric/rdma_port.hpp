#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <weft/base/result.hpp>

namespace weft::fabric {

/// A port of one of this host's RDMA devices, as rdma-core tells it. A value.
struct RdmaPort {
  std::string device{};        ///< "mlx5_0", "rxe0"
  std::uint32_t number = 1;    ///< counted from 1, as everywhere in rdma-core
  std::string state{};         ///< "active", "down", "init", "armed"; "unknown"
  std::string link_layer{};    ///< "Ethernet" (RoCE), "InfiniBand"; "unknown"
  std::string gid{};           ///< one with an IPv4 address in it where there is one, else the first
  double bits_per_second = 0;  ///< of the link; 0: not told
  bool active() const noexcept { return state == "active"; }
  /// "rxe0 port 1: active, Ethernet, 2.5 Gb/s, GID ::ffff:192.168.77.1".
  std::string to_string() const;
};

/// Every port of every device; empty when there is none. Unsupported without rdma-core (libibverbs.so.1), which is
/// opened when this is first called and is not linked. Opens the devices for the while: not for the hot path.
Result<std::vector<RdmaPort>> rdma_ports();

/// The device that libfabric's verbs provider binds to at a numeric address of this host; none where there is none.
std::optional<std::string> rdma_device_at(const std::string& host);

}  // namespace weft::fabric
