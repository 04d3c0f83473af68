#include <weft/nodes/cli/fabric_report.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <utility>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/fabric/provider.hpp>
#include <weft/nodes/cli/table.hpp>
#include <weft/nodes/interfaces.hpp>

namespace weft::cli {
namespace {

using fabric::SurveyedProvider;

const LaneReport* lane_of(const FabricReport& report, std::string_view name) {
  const auto found = std::ranges::find(report.lanes, name, &LaneReport::lane);
  return found == report.lanes.end() ? nullptr : &*found;
}

std::string detail_of(const FabricReport& report, std::string_view lane) {
  const LaneReport* found = lane_of(report, lane);
  return found == nullptr ? std::string{"not a lane of this build"} : found->detail;
}

std::string types_of(const SurveyedProvider& provider) {
  std::string text;
  for (const fabric::EndpointType type : provider.types)
    text += fmt::format("{}{}", text.empty() ? "" : " ", fabric::to_string(type));
  return text.empty() ? "-" : text;
}

/// The domains of a provider, or its fabrics: each once.
std::string names_of(const SurveyedProvider& provider, std::string SurveyedProvider::Domain::* which) {
  std::vector<std::string> names;
  for (const auto& one : provider.domains)
    if (std::ranges::find(names, one.*which) == names.end()) names.push_back(one.*which);
  const std::string text = fmt::format("{}", fmt::join(names, " "));
  return text.empty() ? "-" : text;
}
/// libfabric's own providers tell its version as major * 100 + minor, and its revision: 117.0 is of 1.17.
std::string version_of(const SurveyedProvider& provider) {
  const auto [major, minor] = provider.version;
  if (provider.version == fabric::FabricVersion{}) return {};
  if (major < 100) return provider.version.to_string();
  return fmt::format("{}.{}{}", major / 100, major % 100, minor == 0 ? "" : fmt::format(".{}", minor));
}

std::string domains_of(const SurveyedProvider& provider) {
  return names_of(provider, &SurveyedProvider::Domain::domain);
}

std::string speed_of(const fabric::RdmaPort& port) {
  return port.bits_per_second > 0 ? fmt::format("{:g} Gb/s", port.bits_per_second / 1e9) : "-";
}

/// What Weft knows by name and this libfabric does not have: the row says why not all the same.
std::vector<SurveyedProvider> with_absent(std::vector<SurveyedProvider> providers) {
  for (const fabric::Provider known : {fabric::Provider::kVerbs, fabric::Provider::kEfa})
    for (const std::string_view name : fabric::libfabric_names(known))
      if (std::ranges::find(providers, name, &SurveyedProvider::name) == providers.end())
        providers.push_back({.name = std::string{name},
                             .why_nothing = Error{ErrorClass::kUnsupported, "fi_getinfo",
                                                  "this libfabric does not have it, or it found no device"}});
  return providers;
}

/// What people look for stands first.
int rank_of(const SurveyedProvider& provider, const FabricReport& report) {
  if (use_of(provider, report).used) return 0;
  if (!provider.domains.empty()) return 1;
  return provider.is_layer() ? 3 : 2;
}

}  // namespace

FabricReport look_at_fabrics(std::vector<LaneReport> lanes) {
  FabricReport report{.narrowed = std::getenv("FI_PROVIDER") != nullptr, .lanes = std::move(lanes)};
  if (auto survey = fabric::survey_providers())
    report.providers = with_absent(std::move(*survey));
  else
    report.no_library = std::move(survey.error());
  std::multimap<int, SurveyedProvider> ranked;  // equal ones stay in libfabric's order
  for (SurveyedProvider& one : report.providers) {
    const int rank = rank_of(one, report);
    ranked.emplace(rank, std::move(one));
  }
  report.providers.clear();
  for (auto& [rank, one] : ranked) report.providers.push_back(std::move(one));
  for (std::string& device : detail::rdma_devices()) {
    std::string driver = detail::rdma_driver(device);
    report.devices.push_back({.name = std::move(device), .driver = std::move(driver)});
  }
  if (report.devices.empty()) return report;  // no reason to load rdma-core
  if (auto ports = fabric::rdma_ports())
    report.ports = std::move(*ports);
  else
    report.no_ports = std::move(ports.error());
  return report;
}

ProviderUse use_of(const SurveyedProvider& provider, const FabricReport& report) {
  for (const LaneReport& lane : report.lanes)
    if (lane.used && lane.provider == provider.name) return {.used = true, .why = "lane " + lane.lane};
  if (provider.is_layer()) return {.why = "a layer that libfabric puts over other providers"};
  const auto layer = provider.name.find(";ofi_rx");
  if (layer != std::string::npos) return {.why = "connectionless: it does not tell when a peer goes"};
  switch (fabric::provider_of(provider.name).value_or(fabric::Provider{0xFF})) {
    case fabric::Provider::kTcp: {
      const LaneReport* lane = lane_of(report, "tcp");
      if (lane != nullptr && lane->used) return {.why = fmt::format("lane tcp goes over {}", lane->provider)};
      return {.why = detail_of(report, "tcp")};
    }
    case fabric::Provider::kVerbs:
      return {.why = detail_of(report, "verbs")};
    case fabric::Provider::kEfa:
      return {.why = provider.why_nothing ? check_efa(report).found : "by the classes of weft::fabric; no lane yet"};
    case fabric::Provider::kShm:
      if (provider.why_nothing) break;
      return {.why = "by the classes of weft::fabric; no lane: it writes without looking at keys"};
  }
  if (provider.why_nothing) return {.why = std::string{provider.why_nothing->message()}};
  return {.why = "not one that Weft knows"};
}

Finding check_tcp(const FabricReport& report) {
  const LaneReport* lane = lane_of(report, "tcp");
  const bool used = lane != nullptr && lane->used;
  std::string found = (used ? "used: " : "not used: ") + detail_of(report, "tcp");
  if (used) return {"tcp", Verdict::kOk, std::move(found)};
  return {"tcp", Verdict::kWarn, std::move(found),
          report.no_library ? "apt-get install libfabric1"
          : report.narrowed ? "unset FI_PROVIDER"
                            : ""};
}

Finding check_verbs(const FabricReport& report) {
  const auto is_efa = [](const FabricReport::Device& one) { return one.driver == "efa"; };
  const LaneReport* lane = lane_of(report, "verbs");
  if (lane != nullptr && lane->used) return {"verbs", Verdict::kOk, "used: " + lane->detail};
  std::string found = "not used: " + detail_of(report, "verbs");
  if (std::ranges::all_of(report.devices, is_efa)) return {"verbs", Verdict::kOk, std::move(found)};
  if (report.no_ports)
    return {"verbs", Verdict::kWarn, std::move(found), "apt-get install libibverbs1 ibverbs-providers"};
  if (std::ranges::none_of(report.ports, &fabric::RdmaPort::active))
    return {"verbs", Verdict::kWarn, std::move(found),
            "rdma link    (a port must be ACTIVE: cable, switch, ip link set … up)"};
  const auto offers = std::ranges::any_of(
      report.providers, [](const SurveyedProvider& one) { return one.name == "verbs" && !one.domains.empty(); });
  if (!offers) return {"verbs", Verdict::kWarn, std::move(found), "apt-get install libfabric1 librdmacm1"};
  return {"verbs", Verdict::kWarn, std::move(found), "ip addr add ADDRESS/LENGTH dev NETDEV    (the port's own)"};
}

Finding check_efa(const FabricReport& report) {
  std::string names;
  for (const FabricReport::Device& device : report.devices)
    if (device.driver == "efa") names += (names.empty() ? "" : ", ") + device.name;
  const auto provider = std::ranges::find(report.providers, "efa", &SurveyedProvider::name);
  const bool offers = provider != report.providers.end() && !provider->domains.empty();
  if (names.empty() && !offers) return {"efa", Verdict::kOk, "no EFA device here"};
  if (names.empty()) names = domains_of(*provider);
  if (offers)
    return {"efa", Verdict::kOk,
            fmt::format("{} is here, and free for the classes of weft::fabric; no lane goes over it yet", names)};
  if (report.no_library)
    return {"efa", Verdict::kWarn, fmt::format("{} is here; {}", names, report.no_library->message()),
            "apt-get install libfabric1"};
  return {
      "efa", Verdict::kWarn,
      fmt::format("{} is here; libfabric does not offer it: {}", names,
                  provider == report.providers.end() ? "it has no such provider" : provider->why_nothing->message()),
      "fi_info -p efa    (a libfabric that was built with efa, and rdma-core's efa driver: ibverbs-providers)"};
}

void add_fabrics(const FabricReport& report, Json& object) {
  Json providers = Json::array();
  for (const SurveyedProvider& one : report.providers) {
    const ProviderUse use = use_of(one, report);
    Json types = Json::array(), domains = Json::array();
    for (const fabric::EndpointType type : one.types) types.push_back(fabric::to_string(type));
    for (const auto& domain : one.domains) domains.push_back({{"fabric", domain.fabric}, {"domain", domain.domain}});
    providers.push_back({{"provider", one.name},
                         {"version", version_of(one)},
                         {"types", std::move(types)},
                         {"domains", std::move(domains)},
                         {"used", use.used},
                         {"why", use.why}});
  }
  Json ports = Json::array();
  for (const fabric::RdmaPort& port : report.ports)
    ports.push_back({{"device", port.device},
                     {"port", port.number},
                     {"state", port.state},
                     {"link_layer", port.link_layer},
                     {"gid", port.gid},
                     {"bits_per_second", port.bits_per_second}});
  object["providers"] = std::move(providers);
  object["rdma_ports"] = std::move(ports);
  for (const auto& [name, why] : {std::pair{"no_libfabric", &report.no_library}, {"no_rdma_core", &report.no_ports}})
    if (*why) object[name] = (*why)->to_string();
}

void show_fabrics(const FabricReport& report, Output& out) {
  const bool plain = out.format() == Format::kPlain;
  // Rows of several kinds come one after the other there: the first word says of which.
  const auto add = [&](Table& table, std::string kind, std::vector<std::string> cells) {
    if (plain) cells.insert(cells.begin(), std::move(kind));
    table.add(std::move(cells));
  };
  const auto show = [&](const Table& table) {
    if (table.size() == 0) return;
    if (out.format() == Format::kText) out.data("");
    out.table(table);
  };
  Table providers({{"PROVIDER"}, {"VERSION"}, {"TYPES"}, {"DOMAINS"}, {"FABRICS"}, {"USED"}, {"WHY"}});
  for (const SurveyedProvider& one : report.providers) {
    const ProviderUse use = use_of(one, report);
    add(providers, "provider",
        {escaped(one.name), version_of(one).empty() ? "-" : version_of(one), types_of(one), escaped(domains_of(one)),
         escaped(names_of(one, &SurveyedProvider::Domain::fabric)), use.used ? "yes" : "no", escaped(use.why)});
  }
  show(providers);
  Table ports({{"DEVICE"}, {"PORT", true}, {"STATE"}, {"LINK"}, {"SPEED"}, {"GID"}});
  for (const fabric::RdmaPort& port : report.ports)
    add(ports, "rdma",
        {escaped(port.device), std::to_string(port.number), port.state, port.link_layer, speed_of(port),
         port.gid.empty() ? "-" : port.gid});
  show(ports);
  for (const std::optional<Error>* why : {&report.no_library, &report.no_ports})
    if (*why) out.say(escaped((*why)->to_string()));
}

}  // namespace weft::cli
