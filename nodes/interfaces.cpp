#include <weft/nodes/interfaces.hpp>

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>

#include <weft/stream/socket_address.hpp>

namespace weft::detail {

std::vector<std::string> interface_hosts(std::size_t most) {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(all, &::freeifaddrs);
  std::vector<std::string> hosts;
  for (const ifaddrs* one = all; one != nullptr && hosts.size() < most; one = one->ifa_next) {
    const bool usable = one->ifa_addr != nullptr && one->ifa_addr->sa_family == AF_INET &&
                        (one->ifa_flags & IFF_UP) != 0 && (one->ifa_flags & IFF_LOOPBACK) == 0;
    if (!usable) continue;
    const std::string host = stream::SocketAddress::from_raw(one->ifa_addr, sizeof(sockaddr_in)).host();
    if (!host.starts_with("169.254.")) hosts.push_back(host);
  }
  return hosts;
}

std::vector<std::string> rdma_devices() {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& device : std::filesystem::directory_iterator("/sys/class/infiniband", none))
    names.push_back(device.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string rdma_driver(const std::string& device) {
  std::error_code none;
  return std::filesystem::read_symlink("/sys/class/infiniband/" + device + "/device/driver", none).filename().string();
}

}  // namespace weft::detail
