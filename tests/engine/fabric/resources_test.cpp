#include <array>
#include <catch2/catch_test_macros.hpp>
#include <set>

#include "loopback.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;

TEST_CASE("fabrics, domains and queues give back every descriptor", "[fabric][O-08][O-37][O-42][N8]") {
  for (const char* provider : provider_names()) {
    DYNAMIC_SECTION("on " << provider) {
      { const Side warm_up{provider}; }
      const std::size_t before = open_descriptors();
      for (int lap = 0; lap < 100; ++lap) const Side side{provider, Wait::kDescriptor};
      CHECK(open_descriptors() == before);
    }
  }
}

TEST_CASE("a domain may be dropped before what was opened from it", "[fabric][O-09][O-26]") {
  for (const char* provider : provider_names()) {
    DYNAMIC_SECTION("on " << provider) {
      { const Side warm_up{provider}; }
      const std::size_t before = open_descriptors();
      std::vector<std::byte> memory(1000 * 64);
      std::vector<MemoryRegion> registered;
      {
        const Side side{provider};
        for (std::size_t i = 0; i < 1000; ++i)
          registered.push_back(unwrap(MemoryRegion::reg(side.domain, Region::of(std::span{memory}.subspan(i * 64, 64)),
                                                        Access::kRemoteWrite, i + 1)));
      }
      if (registered[0].rkey() == 1) CHECK(registered[999].rkey() == 1000);  // where keys are ours
      registered.clear();
      CHECK(open_descriptors() == before);
    }
  }
}

TEST_CASE("a registration has the key that was asked for, and no two have one key", "[fabric][O-18]") {
  for (const char* provider : provider_names()) {
    DYNAMIC_SECTION("on " << provider) {
      const Side side{provider};
      if (side.info.view().mr_mode() != 0) SKIP("the provider draws its keys");
      std::array<std::byte, 256> memory{};
      const Region region = Region::of(std::span{memory});
      constexpr std::uint64_t kKey = 0xFEDCBA9876543210u;
      {
        const auto first = MemoryRegion::reg(side.domain, region, Access::kRemoteWrite, kKey);
        REQUIRE(first);
        CHECK(first->rkey() == kKey);
        CHECK(first->to_remote() == RemoteRegion{0, 256, kKey});
        CHECK(first->to_local().addr == region.base);
        const auto second = MemoryRegion::reg(side.domain, region, Access::kRemoteWrite, kKey);
        REQUIRE_FALSE(second);
        CHECK(second.error().kind() == ErrorClass::kExists);
        CHECK(second.error().native_code() != 0);
      }
      CHECK(MemoryRegion::reg(side.domain, region, Access::kRemoteWrite, kKey));  // free again
      const auto empty = MemoryRegion::reg(side.domain, Region{}, Access::kRemoteWrite, 1);
      REQUIRE_FALSE(empty);
      CHECK(empty.error().kind() == ErrorClass::kInvalidArgument);
    }
  }
}

TEST_CASE("an empty queue says nothing, at once or after its timeout", "[fabric][O-38][O-42]") {
  using std::chrono::milliseconds;
  const Side polled{"tcp"};
  Side waited{"tcp", Wait::kDescriptor};
  CompletionQueue completions = polled.completions;
  CHECK_FALSE(completions.read());
  std::array<Completion, 4> room{};
  CHECK(completions.read(room) == 0);
  CHECK_FALSE(completions.read_blocking(milliseconds{0}));
  CHECK_FALSE(completions.read_blocking(milliseconds{1}));
  CHECK_FALSE(completions.descriptor());
  CHECK_FALSE(waited.completions.read_blocking(milliseconds{1}));
  CHECK(unwrap(waited.completions.descriptor()) >= 0);
  EventQueue events = unwrap(EventQueue::open(waited.fabric, {.wait = Wait::kDescriptor}));
  CHECK_FALSE(events.read_blocking(milliseconds{1}));
  CHECK(unwrap(events.descriptor()) >= 0);
  CHECK_FALSE(EventQueue{waited.events}.descriptor());
}

TEST_CASE("a port in use is told as such", "[fabric][O-51][O-W22]") {
  Side side{"tcp"};
  const PassiveEndpoint first = side.listener();
  FabricInfo same = side.info;
  REQUIRE(same.set_source(unwrap(first.local_address())));
  auto second = PassiveEndpoint::open(side.fabric, same.view());
  REQUIRE_FALSE(second);
  CHECK(second.error().kind() == ErrorClass::kExists);
  CHECK(second.error().native_code() == EADDRINUSE);
}
