#include <weft/nodes/c/fabrics_instance.hpp>

#include <filesystem>
#include <string>

#include "domain.hpp"

using weft::c::FabricsInstance;
using weft::c::SideConfig;
using weft::test::TestDomain;

namespace {

SideConfig at(const std::string& listen, const std::filesystem::path& identity = {}) {
  SideConfig config;
  config.listen = listen;
  config.identity = identity;
  return config;
}

}  // namespace

TEST_CASE("fabrics instance: targets of one address share a node, which ends with the last of them") {
  FabricsInstance fabrics({});
  auto first = *fabrics.target_node(at("127.0.0.1:0"));
  REQUIRE(*fabrics.target_node(at("127.0.0.1:0")) == first);
  REQUIRE(*fabrics.target_node(at("[::1]:0")) != first);
  SideConfig tcp;
  tcp.provider = WEFT_FABRICS_PROVIDER_TCP;
  REQUIRE(*fabrics.initiator_node(tcp) != first);
  const auto id = first->node().id();
  first.reset();
  REQUIRE((*fabrics.target_node(at("127.0.0.1:0")))->node().id() != id);
}

TEST_CASE("fabrics instance: of the provider any an initiator shares the node of a target that is there", "[M-44]") {
  FabricsInstance fabrics({});
  auto before = *fabrics.initiator_node({});
  REQUIRE(*fabrics.initiator_node({}) == before);
  auto target = *fabrics.target_node(at("127.0.0.1:0"));
  REQUIRE(target != before);
  auto initiator = *fabrics.initiator_node({});
  REQUIRE(initiator == target);
  target.reset();
  REQUIRE(*fabrics.target_node(at("127.0.0.1:0")) == initiator);
  // Another instance's targets are reached as any process's are.
  FabricsInstance other({});
  REQUIRE(*other.initiator_node({}) != initiator);
}

TEST_CASE("fabrics instance: rings of a node have names of their own, the same in every life") {
  FabricsInstance fabrics({});
  const auto node = *fabrics.target_node(at("127.0.0.1:0"));
  REQUIRE(*node->take_ring("") == "grains");
  REQUIRE(*node->take_ring("") == "grains-2");
  REQUIRE(*node->take_ring("video") == "video");
  REQUIRE(node->take_ring("video").error().status == WEFT_ERR_EXISTS);
  node->give_ring("grains");
  REQUIRE(*node->take_ring("") == "grains");
}

TEST_CASE("fabrics instance: an identity file makes the same node again, at one address") {
  TestDomain domain;
  const std::string identity = domain.path() + "/identity";
  FabricsInstance fabrics({});
  auto node = *fabrics.target_node(at("127.0.0.1:0", identity));
  REQUIRE(fabrics.target_node(at("[::1]:0", identity)).error().status == WEFT_ERR_INVALID_STATE);
  const auto id = node->node().id();
  node.reset();
  FabricsInstance restarted({.identity = identity, .trust = {}});
  REQUIRE((*restarted.target_node(at("[::1]:0")))->node().id() == id);
}

TEST_CASE("fabrics instance: what keeps a node from starting has a status of its own", "[O-51][M-15][M-03]") {
  TestDomain domain;
  FabricsInstance fabrics({});
  const auto node = *fabrics.target_node(at("127.0.0.1:0"));
  std::string used = node->node().ticket().addresses.front();
  used = used.substr(used.rfind('/') + 1);
  REQUIRE(fabrics.target_node(at(used)).error().status == WEFT_ERR_ADDRESS_IN_USE);
  REQUIRE(fabrics.target_node(at("192.0.2.1:0")).error().status == WEFT_ERR_NO_FABRIC);
  REQUIRE(fabrics.target_node(at("no-such-host.invalid:0")).error().status == WEFT_ERR_NOT_FOUND);
  REQUIRE(fabrics.target_node(at("localhost:0")).has_value());
  REQUIRE(fabrics.target_node(at("127.0.0.1:0", domain.path())).error().status != WEFT_ERR_INTERNAL);
  if (!std::filesystem::exists("/sys/class/infiniband")) {
    SideConfig verbs = at("127.0.0.1:0");
    verbs.provider = WEFT_FABRICS_PROVIDER_VERBS;
    REQUIRE(fabrics.target_node(verbs).error().status == WEFT_ERR_NO_FABRIC);
  }
}
