#include <algorithm>

#include <fmt/format.h>

#include <weft/crypto/random.hpp>
#include <weft/fabric/fabric_lane.hpp>
#include <weft/fabric/fabric_version.hpp>
#include <weft/nodes/interfaces.hpp>
#include <weft/nodes/node_state.hpp>
#include <weft/nodes/trust.hpp>

/// How a node is reached: its lanes, and the addresses in its ticket.
namespace weft::detail {

Result<void> NodeState::open_lanes(actors::LoopOptions& loop) {
  const auto wanted = [&](Lane lane) {
    return options_.lanes.empty() ||
           std::find(options_.lanes.begin(), options_.lanes.end(), lane) != options_.lanes.end();
  };
  lane_reports_.push_back(
      {.lane = "tls", .used = true, .detail = "TLS 1.3, placed writes inside the session's stream"});
  const auto devices = rdma_devices();
  lane_reports_.push_back(
      {.lane = "verbs",
       .used = false,
       .detail = devices.empty() ? "no RDMA device here" : devices.front() + " is here; nodes do not use it yet"});
  if (!wanted(Lane::kTcp)) {
    lane_reports_.push_back({.lane = "tcp", .used = false, .detail = "not among the lanes that were allowed"});
    return {};
  }
  const std::string bind = rail_host(options_.listen);
  loop.rails_reach_ipv6 = bind.find(':') != std::string::npos;
  auto opened = fabric::FabricLane::open({.bind_address = bind, .draw_key = [] { return crypto::random_u64(); }});
  if (!opened) {
    lane_reports_.push_back(
        {.lane = "tcp", .used = false, .detail = "libfabric: " + std::string(opened.error().message())});
    return {};
  }
  const auto version = fabric::FabricVersion::running();
  lane_reports_.push_back({.lane = "tcp",
                           .used = true,
                           .detail = fmt::format("libfabric {} \"{}\", in clear: loopback and trusted networks only",
                                                 version ? fmt::format("{}.{}", version->major, version->minor) : "",
                                                 (*opened)->provider_name())});
  loop.rails.emplace_back(std::move(*opened),
                          wire::LaneOffer{.lane = Lane::kTcp, .provider = "tcp", .wire_version = 3});
  return {};
}

std::vector<LaneReport> NodeState::lanes() const { return lane_reports_; }

Ticket NodeState::ticket() const {
  Ticket ticket;
  ticket.node = id();
  for (const std::string& address : loop_->addresses()) {
    const bool v6 = address.starts_with("tcp://[::]:");
    if (!v6 && !address.starts_with("tcp://0.0.0.0:")) {
      ticket.addresses.push_back(address);
      continue;
    }
    // Every interface: this host by its numbers and its name, and loopback for those who are here. [::] hears IPv4 too.
    const std::string port = address.substr(address.rfind(':'));
    for (const std::string& host : interface_hosts(2))
      ticket.addresses.push_back(fmt::format("tcp://{}{}", host, port));
    ticket.addresses.push_back(fmt::format("tcp://{}{}", host_name_, port));
    ticket.addresses.push_back("tcp://127.0.0.1" + port);
    if (v6) ticket.addresses.push_back("tcp://[::1]" + port);
  }
  return ticket;
}

}  // namespace weft::detail
