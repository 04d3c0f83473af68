#include <dirent.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include <tests/nodes/memory_ring.hpp>

/// The rail of a ring is cut between two nodes, under both of them, as by a network that resets connections.
using namespace weft;
using namespace weft::test;
using namespace std::chrono_literals;

namespace {

std::uint16_t port_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  return address.ss_family == AF_INET6 ? ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port) : 0;
}

std::uint16_t port_of(const Ticket& ticket) {
  const std::string& address = ticket.addresses.at(0);
  std::uint16_t port = 0;
  const char* digits = address.data() + address.rfind(':') + 1;
  std::from_chars(digits, address.data() + address.size(), port);
  return port;
}

/// Each connection of this process but those of sessions that are listened for at `kept`.
template <class Do>
void each_rail(std::uint16_t kept, Do&& what) {
  DIR* folder = ::opendir("/proc/self/fd");
  REQUIRE(folder != nullptr);
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    int fd = -1;
    if (std::from_chars(name.data(), name.data() + name.size(), fd).ec != std::errc()) continue;
    sockaddr_storage here{}, there{};
    socklen_t size = sizeof here;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&here), &size) != 0) continue;
    size = sizeof there;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&there), &size) != 0 || port_of(there) == 0) continue;
    if (port_of(here) != kept && port_of(there) != kept) what(fd);
  }
  ::closedir(folder);
}

std::size_t cut_rails(std::uint16_t kept) {
  std::size_t cut = 0;
  each_rail(kept, [&](int fd) { cut += ::shutdown(fd, SHUT_RDWR) == 0 ? 1 : 0; });
  return cut;
}

/// Bytes that went over them and arrived.
std::int64_t rail_bytes(std::uint16_t kept) {
  std::int64_t bytes = 0;
  each_rail(kept, [&](int fd) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0)
      bytes += static_cast<std::int64_t>(info.tcpi_bytes_acked);
  });
  return bytes;
}

}  // namespace

TEST_CASE("grains: a rail that is cut loses none of them, and the ring has one again", "[grains][O-W4][O-57]") {
  constexpr std::size_t kBytes = 20'000;
  Memory memory(8, kBytes);
  const NodeOptions over_sockets{.lanes = {Lane::kTcp, Lane::kTls}};  // what can be cut from here
  auto node = unwrap(TensorNode::start(over_sockets));
  auto target = unwrap(node.open_target(ring(memory)));
  auto other = unwrap(TensorNode::start(over_sockets));
  auto initiator = unwrap(other.open_initiator());
  until_connected(initiator, unwrap(initiator.add_target(target.info())));
  std::uint64_t next = 0;
  const std::uint16_t session = port_of(node.ticket());
  const auto one = [&] {
    const auto bytes = content(next, kBytes);
    CHECK(send(initiator, next, bytes) == 1);
    const auto grain = unwrap(target.read(20s));
    CHECK(grain.index == next);
    CHECK(equal(grain.data, bytes));
    CHECK(target.release(grain.slot));
    const auto result = unwrap(initiator.wait_result(20s));
    CHECK(result.index == next);
    CHECK(result.result.has_value());
    ++next;
  };
  const auto until_on_a_rail = [&] {
    const auto end = Clock::now() + 20s;
    for (std::int64_t before = 0; before == 0 || rail_bytes(session) - before < static_cast<std::int64_t>(kBytes);) {
      if (Clock::now() > end) FAIL("no rail carries its grains");
      before = std::max<std::int64_t>(1, rail_bytes(session));
      one();
    }
  };
  for (int round = 0; round < 3; ++round) {
    CAPTURE(round);
    until_on_a_rail();
    std::vector<std::vector<std::byte>> flying;
    for (std::uint64_t i = 0; i < 6; ++i) flying.push_back(content(next + i, kBytes));
    for (std::uint64_t i = 0; i < 3; ++i) CHECK(send(initiator, next + i, flying[i]) == 1);
    CHECK(cut_rails(session) >= 1);
    for (std::uint64_t i = 3; i < 6; ++i) CHECK(send(initiator, next + i, flying[i]) == 1);
    for (std::uint64_t i = 0; i < 6; ++i) {
      const auto grain = unwrap(target.read(20s));
      CHECK(grain.index == next + i);
      CHECK(equal(grain.data, flying[i]));
      CHECK(target.release(grain.slot));
      CHECK(unwrap(initiator.wait_result(20s)).result.has_value());
    }
    next += 6;
  }
  until_on_a_rail();
  CHECK(target.stats().grains == next);
  CHECK(initiator.pending() == 0);
}
