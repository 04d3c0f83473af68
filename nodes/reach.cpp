#include <algorithm>

#include <fmt/format.h>

#include <weft/crypto/random.hpp>
#include <weft/fabric/fabric_lane.hpp>
#include <weft/fabric/fabric_version.hpp>
#include <weft/fabric/rdma_port.hpp>
#include <weft/nodes/interfaces.hpp>
#include <weft/nodes/node_state.hpp>
#include <weft/nodes/trust.hpp>

/// How a node is reached: its lanes, and the addresses in its ticket.
namespace weft::detail {

namespace {

constexpr std::size_t kMostInterfaces = 64;

std::string library_text(std::string_view provider) {
  const auto version = fabric::FabricVersion::running();
  return fmt::format("libfabric {} \"{}\"", version ? version->to_string() : "", provider);
}

LaneReport no_verbs(std::string detail) { return {.lane = "verbs", .used = false, .detail = std::move(detail)}; }

/// One that is active, of a device that has an address.
const fabric::RdmaPort* port_of(const std::vector<fabric::RdmaPort>& ports, const std::string& device) {
  const auto found = std::find_if(ports.begin(), ports.end(),
                                  [&](const fabric::RdmaPort& port) { return port.device == device && port.active(); });
  return found == ports.end() ? nullptr : &*found;
}

}  // namespace

/// The first active port that has an address: one rail a session. Several ports are not used side by side.
LaneReport NodeState::open_verbs(actors::LoopOptions& loop, bool wanted) {
  const auto devices = rdma_devices();
  if (devices.empty()) return no_verbs("no RDMA device here");
  if (!wanted) return no_verbs("not among the lanes that were allowed");
  const auto ports = fabric::rdma_ports();
  if (!ports) return no_verbs(fmt::format("{} is here; {}", devices.front(), ports.error().message()));
  const fabric::RdmaPort* port = nullptr;
  std::string host;
  for (const std::string& one : interface_hosts(kMostInterfaces)) {
    const auto device = fabric::rdma_device_at(one);
    port = device ? port_of(*ports, *device) : nullptr;
    host = one;
    if (port != nullptr) break;
  }
  if (port == nullptr)
    return no_verbs(fmt::format("{}; no address of this host is of an active port",
                                ports->empty() ? devices.front() : ports->front().to_string()));
  auto opened = fabric::FabricLane::open(
      {.provider = "verbs", .bind_address = host, .draw_key = [] { return crypto::random_u64(); }});
  if (!opened) return no_verbs(fmt::format("{}; libfabric: {}", port->to_string(), opened.error().message()));
  const auto text = fmt::format("{}, at {}; {}, in clear on its own network", port->to_string(), host,
                                library_text((*opened)->provider_name()));
  loop.rails.emplace_back(std::move(*opened),
                          wire::LaneOffer{.lane = Lane::kVerbs, .provider = "verbs", .wire_version = 3});
  return {.lane = "verbs", .used = true, .detail = text, .provider = "verbs"};
}

Result<void> NodeState::open_lanes(actors::LoopOptions& loop) {
  const auto wanted = [&](Lane lane) {
    return options_.lanes.empty() ||
           std::find(options_.lanes.begin(), options_.lanes.end(), lane) != options_.lanes.end();
  };
  lane_reports_.push_back(
      {.lane = "tls", .used = true, .detail = "TLS 1.3, placed writes inside the session's stream"});
  lane_reports_.push_back(open_verbs(loop, wanted(Lane::kVerbs)));
  if (!wanted(Lane::kTcp)) {
    lane_reports_.push_back({.lane = "tcp", .used = false, .detail = "not among the lanes that were allowed"});
    return {};
  }
  const std::string bind = rail_host(options_.listen);
  loop.rails_reach_ipv6 = bind.find(':') != std::string::npos;
  auto opened = fabric::FabricLane::open({.bind_address = bind, .draw_key = [] { return crypto::random_u64(); }});
  if (!opened) {
    std::string why = fmt::format("libfabric: {}", opened.error().message());
    if (const std::string_view hint = opened.error().own_hint(); !hint.empty()) why += fmt::format("; {}", hint);
    lane_reports_.push_back({.lane = "tcp", .used = false, .detail = std::move(why)});
    return {};
  }
  lane_reports_.push_back({.lane = "tcp",
                           .used = true,
                           .detail = fmt::format("{}, in clear: loopback and trusted networks only",
                                                 library_text((*opened)->provider_name())),
                           .provider = std::string{(*opened)->provider_name()}});
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
