#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include <nlohmann/json.hpp>
#include <weft/nodes/cli/fabric_report.hpp>

using namespace weft;
using namespace weft::cli;
using fabric::EndpointType;
using fabric::SurveyedProvider;

namespace {

SurveyedProvider offering(std::string name, std::string domain) {
  return {.name = std::move(name),
          .version = {1, 17},
          .types = {EndpointType::kMessage},
          .domains = {{.fabric = "net", .domain = std::move(domain)}}};
}
SurveyedProvider offering_nothing(std::string name) {
  return {.name = std::move(name), .why_nothing = Error{ErrorClass::kUnsupported, "fi_getinfo", "it found nothing"}};
}
LaneReport lane(std::string name, bool used, std::string detail, std::string provider = {}) {
  return {.lane = std::move(name), .used = used, .detail = std::move(detail), .provider = std::move(provider)};
}
/// A host without an RDMA device.
FabricReport plain_host() {
  return {
      .providers = {offering("net", "lo"), offering("tcp", "lo"), offering_nothing("verbs"), offering_nothing("efa")},
      .lanes = {lane("verbs", false, "no RDMA device here"), lane("tcp", true, "libfabric 1.17 \"net\"", "net")}};
}
FabricReport verbs_host(std::string state) {
  FabricReport host = plain_host();
  host.providers[2] = offering("verbs", "mlx5_0");
  host.devices = {{.name = "mlx5_0", .driver = "mlx5_core"}};
  host.ports = {{.device = "mlx5_0", .state = std::move(state), .link_layer = "InfiniBand"}};
  host.lanes[0] = lane("verbs", false, "no address");
  return host;
}
FabricReport efa_host() {
  FabricReport host = plain_host();
  host.devices = {{.name = "rdmap0s6", .driver = "efa"}};
  return host;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("fabrics: a provider is used by the lane that goes over it, and every other one says why not") {
  FabricReport host = plain_host();
  CHECK(use_of(host.providers[0], host).used);
  CHECK(use_of(host.providers[0], host).why == "lane tcp");
  for (const auto& [provider, why] : {std::pair{offering("tcp", "lo"), "net"},
                                      {offering("tcp;ofi_rxm", "lo"), "when a peer goes"},
                                      {SurveyedProvider{.name = "ofi_hook_perf"}, "layer"},
                                      {offering("shm", "shm"), "keys"},
                                      {offering("sockets", "lo"), "not one that Weft knows"},
                                      {offering_nothing("psm2"), "it found nothing"},
                                      {offering_nothing("verbs"), "no RDMA device here"},
                                      {offering_nothing("efa"), "no EFA device here"},
                                      {offering("efa", "rdmap0s6"), "no lane yet"}}) {
    CAPTURE(provider.name);
    const ProviderUse use = use_of(provider, host);
    CHECK_FALSE(use.used);
    CHECK(has(use.why, why));
  }
  host.lanes[1] = lane("tcp", false, "not among the lanes that were allowed");
  CHECK(use_of(host.providers[0], host).why == "not among the lanes that were allowed");
  CHECK_FALSE(use_of(host.providers[0], host).used);
}

TEST_CASE("doctor: efa is looked for, in the kernel and in libfabric") {
  CHECK(check_efa(plain_host()).verdict == Verdict::kOk);
  CHECK(check_efa(plain_host()).found == "no EFA device here");
  CHECK(check_efa(verbs_host("active")).found == "no EFA device here");

  FabricReport host = efa_host();
  CHECK(check_efa(host).verdict == Verdict::kWarn);
  CHECK(has(check_efa(host).found, "rdmap0s6 is here; libfabric does not offer it: it found nothing"));
  CHECK_FALSE(check_efa(host).remedy.empty());
  CHECK(check_verbs(host).verdict == Verdict::kOk);  // an EFA device is none that verbs is missed on

  host.providers[3] = offering("efa", "rdmap0s6-rdm");
  CHECK(check_efa(host).verdict == Verdict::kOk);
  CHECK(has(check_efa(host).found, "no lane goes over it yet"));
  host.devices.clear();  // a container may hide them
  CHECK(has(check_efa(host).found, "rdmap0s6-rdm is here"));

  FabricReport bare = efa_host();
  bare.providers.clear();
  bare.no_library = Error{ErrorClass::kUnsupported, "dlopen", "libfabric.so.1 is not here"};
  CHECK(check_efa(bare).verdict == Verdict::kWarn);
  CHECK(has(check_efa(bare).found, "libfabric.so.1 is not here"));
  CHECK(has(check_efa(bare).remedy, "libfabric1"));
}

TEST_CASE("doctor: a device that verbs does not use is warned of, with what would help") {
  CHECK(check_verbs(plain_host()).verdict == Verdict::kOk);
  FabricReport host = verbs_host("down");
  CHECK(check_verbs(host).verdict == Verdict::kWarn);
  CHECK(has(check_verbs(host).remedy, "ACTIVE"));
  host = verbs_host("active");
  CHECK(has(check_verbs(host).remedy, "ip addr"));
  host.providers[2] = offering_nothing("verbs");
  CHECK(has(check_verbs(host).remedy, "librdmacm1"));
  host.ports.clear();
  host.no_ports = Error{ErrorClass::kUnsupported, "dlopen", "libibverbs.so.1 cannot be opened"};
  CHECK(has(check_verbs(host).remedy, "libibverbs1"));
  host.lanes[0] = lane("verbs", true, "mlx5_0 port 1", "verbs");
  CHECK(check_verbs(host).verdict == Verdict::kOk);
  CHECK(check_verbs(host).remedy.empty());
}

TEST_CASE("doctor: tcp that cannot be used is warned of") {
  CHECK(check_tcp(plain_host()).verdict == Verdict::kOk);
  FabricReport host = plain_host();
  host.lanes.pop_back();
  CHECK(check_tcp(host).remedy.empty());
  host.narrowed = true;
  CHECK(check_tcp(host).remedy == "unset FI_PROVIDER");
  host.no_library = Error{ErrorClass::kUnsupported, "dlopen", "libfabric.so.1 is not here"};
  CHECK(check_tcp(host).verdict == Verdict::kWarn);
  CHECK(check_tcp(host).remedy == "apt-get install libfabric1");
}

TEST_CASE("fabrics: a port tells its state, link, speed and GID to programs") {
  FabricReport host = verbs_host("active");
  host.ports[0].gid = "::ffff:10.0.0.1";
  host.ports[0].bits_per_second = 100e9;
  Json object = Json::object();
  add_fabrics(host, object);
  REQUIRE(object["rdma_ports"].size() == 1);
  const Json& port = object["rdma_ports"][0];
  CHECK(port["device"] == "mlx5_0");
  CHECK(port["state"] == "active");
  CHECK(port["link_layer"] == "InfiniBand");
  CHECK(port["gid"] == "::ffff:10.0.0.1");
  CHECK(port["bits_per_second"] == 100e9);
  CHECK(object["providers"].size() == host.providers.size());
  CHECK(object["providers"][0]["domains"][0]["domain"] == "lo");
  CHECK_FALSE(object.contains("no_rdma_core"));
  host.no_ports = Error{ErrorClass::kUnsupported, "dlopen", "libibverbs.so.1 cannot be opened"};
  add_fabrics(host, object);
  CHECK(has(object["no_rdma_core"].get<std::string>(), "libibverbs"));
}

TEST_CASE("fabrics: a provider's version is told as libfabric's own is") {
  FabricReport host = plain_host();
  host.providers[0].version = {117, 0};
  host.providers[1].version = {200, 1};
  Json object = Json::object();
  add_fabrics(host, object);
  CHECK(object["providers"][0]["version"] == "1.17");
  CHECK(object["providers"][1]["version"] == "2.0.1");
  CHECK(object["providers"][2]["version"] == "");
  host.providers[0].version = {1, 17};
  add_fabrics(host, object);
  CHECK(object["providers"][0]["version"] == "1.17");
}

TEST_CASE("fabrics: what this host has is told whole, each provider once") {
  const FabricReport here = look_at_fabrics({});
  for (const SurveyedProvider& one : here.providers) {
    CAPTURE(one.name);
    CHECK(std::ranges::count(here.providers, one.name, &SurveyedProvider::name) == 1);
    CHECK_FALSE(use_of(one, here).why.empty());
  }
  const auto offers = [](const SurveyedProvider& one) { return !one.domains.empty(); };
  CHECK(std::ranges::is_partitioned(here.providers, offers));  // what can be used stands first
  CHECK(here.no_library.has_value() == here.providers.empty());
  if (here.devices.empty()) CHECK((here.ports.empty() && !here.no_ports));
}
