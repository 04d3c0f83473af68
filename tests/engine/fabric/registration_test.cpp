#include <rdma/fabric.h>
#include <sys/mman.h>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <set>

#include <weft/fabric/random_bits.hpp>

#include "fault_shim.hpp"
#include "loopback.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;

TEST_CASE("a domain registers a group at one call, and knows both sides of it in order",
          "[fabric][O-10][O-11][O-17][O-20]") {
  for (const char* provider : kSoftwareProviders) {
    DYNAMIC_SECTION("on " << provider) {
      Side side{provider};
      CHECK(side.domain.local_regions().empty());
      CHECK(side.domain.remote_regions().empty());
      std::array<std::vector<std::byte>, 4> buffers;
      RegionGroup group;
      for (std::size_t i = 0; i < buffers.size(); ++i) {
        buffers[i].resize(std::size_t{256} << i);
        group.push_back(Region::of(std::span{buffers[i]}));
      }
      REQUIRE(side.domain.register_regions(group, Access::kRemoteWrite));
      const LocalRegionGroup& local = side.domain.local_regions();
      const RemoteRegionGroup& remote = side.domain.remote_regions();
      REQUIRE((local.size() == 4 && remote.size() == 4));
      std::set<std::uint64_t> keys;
      for (std::size_t i = 0; i < 4; ++i) {
        CHECK(local[i].addr == group[i].base);
        CHECK(local[i].len == std::size_t{256} << i);
        CHECK(remote[i].len == local[i].len);
        keys.insert(remote[i].rkey);
      }
      CHECK(keys.size() == 4);
      REQUIRE(side.domain.register_regions({group[0]}, FI_REMOTE_WRITE));  // libfabric's own flags do too
      CHECK(side.domain.local_regions().size() == 5);
      CHECK(side.domain.local_regions()[4].addr == group[0].base);
    }
  }
}

TEST_CASE("when one region of a group cannot be registered, none is", "[fabric][O-10]") {
  Side side{"tcp"};
  std::vector<std::byte> memory(300);
  const auto part = [&](std::size_t at) { return Region::of(std::span{memory}.subspan(at, 100)); };
  const auto refused = side.domain.register_regions({part(0), part(100), part(200), Region{}}, Access::kWrite);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind() == ErrorClass::kInvalidArgument);
  CHECK(side.domain.local_regions().empty());
  CHECK(side.domain.register_regions({}, Access::kWrite).error().kind() == ErrorClass::kInvalidArgument);
}

TEST_CASE("three regions and one that libfabric refuses: an Error with its code, and nothing of the three is left",
          "[fabric][fault][O-10]") {
  for (const char* provider : kSoftwareProviders) DYNAMIC_SECTION("on " << provider) {
      // As a device does with memory that is not mapped; in software it is not looked at.
      FaultShim shim{{.nth = 3, .only = "fi_mr_regattr", .code = EFAULT}};
      {
        Side side{provider};
        std::vector<std::byte> memory(400);
        RegionGroup group;
        for (std::size_t at = 0; at < 400; at += 100) group.push_back(Region::of(std::span{memory}.subspan(at, 100)));
        const std::int64_t before = shim.open_objects();
        const auto refused = side.domain.register_regions(group, Access::kWrite | Access::kRemoteWrite);
        REQUIRE(shim.reached());
        REQUIRE_FALSE(refused);
        CHECK(refused.error().native_code() == EFAULT);
        CHECK(shim.open_objects() == before);
        CHECK(side.domain.local_regions().empty());
        CHECK(side.domain.remote_regions().empty());
        CHECK(side.domain.register_regions(group, Access::kWrite));
        CHECK(side.domain.local_regions().size() == 4);
      }
      CHECK(shim.open_objects() == 0);
      CHECK(shim.failed_closes() == 0);
    }
}

TEST_CASE("remote addresses are virtual where the provider says so, else offsets", "[fabric][O-12][O-20]") {
  std::array<std::byte, 64> memory{};
  for (const bool virtual_addresses : {false, true}) {
    FabricInfo info = message_info("tcp");
    if (virtual_addresses) info.raw()->domain_attr->mr_mode |= FI_MR_VIRT_ADDR;  // as verbs has it
    const Fabric fabric = unwrap(Fabric::open(info.view()));
    Domain domain = unwrap(Domain::open(fabric));
    REQUIRE(domain.register_regions({Region::of(std::span{memory})}, Access::kRemoteWrite));
    const RemoteRegion remote = domain.remote_regions()[0];
    CHECK(domain.using_virtual_addresses() == virtual_addresses);
    CHECK(remote.addr == (virtual_addresses ? reinterpret_cast<std::uintptr_t>(memory.data()) : 0));
    const RegisteredRegion own = unwrap(domain.register_region(Region::of(std::span{memory}), Access::kRemoteWrite));
    CHECK(own.to_remote(false).addr == 0);
    CHECK(own.to_remote(true).addr == own.region().base);
    CHECK(own.to_local().addr == own.region().base);
  }
}

TEST_CASE("memory that may only be read can be written from", "[fabric][O-W27]") {
  void* mapped = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(mapped != MAP_FAILED);
  {
    Side side{"net"};
    CHECK(side.domain.register_regions({Region::of(std::span{static_cast<const std::byte*>(mapped), 4096})},
                                       Access::kWrite));
  }
  munmap(mapped, 4096);
}

TEST_CASE("a domain's registrations end with it", "[fabric][O-09]") {
  Side side{"tcp"};
  std::vector<std::byte> memory(64'000);
  {
    Domain domain = unwrap(Domain::open(side.fabric));
    RegionGroup group;
    for (std::size_t i = 0; i < 1000; ++i) group.push_back(Region::of(std::span{memory}.subspan(i * 64, 64)));
    REQUIRE(domain.register_regions(group, Access::kRemoteWrite));
    CHECK(domain.remote_regions().size() == 1000);
    domain = unwrap(Domain::open(side.fabric));  // assigning over it ends them too
    CHECK(domain.remote_regions().empty());
  }
  CHECK(side.domain.register_regions({Region::of(std::span{memory})}, Access::kRemoteWrite));
}

TEST_CASE("a hundred thousand keys are all different, and nothing reproduces them", "[fabric][O-18]") {
  std::set<std::uint64_t> keys;
  for (int i = 0; i < 100'000; ++i) keys.insert(unwrap(random_bits()));
  CHECK(keys.size() == 100'000);
}

TEST_CASE("libfabric's access flags are read, and unknown ones left out", "[fabric][O-19]") {
  CHECK(access_of(FI_WRITE) == Access::kWrite);
  CHECK(access_of(FI_REMOTE_WRITE | FI_READ) == (Access::kRemoteWrite | Access::kRead));
  CHECK(access_of(0) == Access::kNone);
  CHECK(access_of(FI_TAGGED) == Access::kNone);
}

TEST_CASE("a configuration says whether immediates take receives", "[fabric][O-13]") {
  Side side{"tcp"};
  CHECK_FALSE(side.domain.using_recv_buf_for_cq_data());
  FabricInfo forced = side.info;
  forced.raw()->rx_attr->mode |= FI_RX_CQ_DATA;
  CHECK(forced.view().using_recv_buf_for_cq_data());
}
