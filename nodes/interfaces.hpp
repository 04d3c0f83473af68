#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace weft::detail {

/// The numeric IPv4 addresses by which other hosts may reach this one: of interfaces that are up, loopback and
/// link-local ones left out, in the kernel's order, at most `most`. Empty when the kernel does not tell.
std::vector<std::string> interface_hosts(std::size_t most);

/// The names of this host's RDMA devices: "mlx5_0". Empty when there is none.
std::vector<std::string> rdma_devices();

/// The kernel's driver of an RDMA device: "mlx5_core", "efa". Empty for one without hardware ("rxe0").
std::string rdma_driver(const std::string& device);

}  // namespace weft::detail
