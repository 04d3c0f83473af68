#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include <weft/fabric/rdma_port.hpp>

using namespace weft;
using namespace weft::fabric;

TEST_CASE("RDMA ports: a port is told in one line, and what is not known is left out", "[fabric]") {
  const RdmaPort port{.device = "mlx5_0",
                      .number = 2,
                      .state = "active",
                      .link_layer = "InfiniBand",
                      .gid = "fe80::1",
                      .bits_per_second = 100e9};
  CHECK(port.to_string() == "mlx5_0 port 2: active, InfiniBand, 100 Gb/s, GID fe80::1");
  CHECK(port.active());
  const RdmaPort down{.device = "rxe0", .state = "down", .link_layer = "Ethernet"};
  CHECK(down.to_string() == "rxe0 port 1: down, Ethernet");
  CHECK_FALSE(down.active());
}

TEST_CASE("RDMA ports: a host without a device has none, and no address leads to one", "[fabric]") {
  const auto ports = rdma_ports();
  if (!ports) SKIP(ports.error().to_string());
  if (!ports->empty()) SKIP("there is " << ports->front().to_string());
  CHECK_FALSE(rdma_device_at("127.0.0.1"));
  CHECK_FALSE(rdma_device_at("192.0.2.1"));
  CHECK_FALSE(rdma_device_at("not an address"));
}

TEST_CASE("RDMA ports: a device tells state, link and GID", "[fabric][verbs]") {
  const auto ports = rdma_ports();
  if (!ports) SKIP(ports.error().to_string());
  if (ports->empty()) SKIP("no RDMA device here");
  for (const RdmaPort& port : *ports) {
    INFO(port.to_string());
    CHECK(port.number >= 1);
    CHECK(port.state != "unknown");
    CHECK(port.link_layer != "unknown");
    CHECK_FALSE(port.gid.empty());
  }
  const auto at_loopback = rdma_device_at("127.0.0.1");  // rdma_cm takes any device for it
  if (at_loopback)
    CHECK(std::ranges::any_of(*ports, [&](const RdmaPort& port) { return port.device == *at_loopback; }));
}
