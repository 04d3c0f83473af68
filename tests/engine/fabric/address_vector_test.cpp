#include <catch2/catch_test_macros.hpp>

#include <fmt/format.h>

#include "datagram_side.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;

TEST_CASE("ten thousand peers go into a vector that was told to expect four", "[fabric][O-44][O-45]") {
  DatagramSide side{"net"};
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    const auto address = unwrap(FabricAddress::parse(fmt::format("127.{}.{}.1:7000", i / 200, i % 200)));
    REQUIRE(unwrap(side.vector.insert(address)) == i);  // a table: sequential handles
  }
  CHECK(side.vector.size() == 10'000);
}

TEST_CASE("an address that is there keeps its handle, whoever inserts it again", "[fabric][O-45]") {
  for (const char* provider : kDatagramProviders) {
    DYNAMIC_SECTION("on " << provider) {
      DatagramSide a{provider};
      const DatagramSide b{provider};
      const DatagramSide c{provider};
      const PeerHandle of_b = a.knows(b);
      const PeerHandle of_c = a.knows(c);
      CHECK(of_b != of_c);
      CHECK(a.knows(b) == of_b);
      CHECK(a.vector.size() == 2);
    }
  }
}

TEST_CASE("removing a handle that is not there, or no longer, is an error", "[fabric][O-46][O-W13]") {
  for (const char* provider : kDatagramProviders) {
    DYNAMIC_SECTION("on " << provider) {
      DatagramSide a{provider};
      const DatagramSide b{provider};
      for (const PeerHandle unknown : {PeerHandle{0}, PeerHandle{77}, kConnectedPeer})
        CHECK(a.vector.remove(unknown).error().kind() == ErrorClass::kNotFound);
      const PeerHandle known = a.knows(b);
      REQUIRE(a.vector.remove(known));
      CHECK(a.vector.remove(known).error().kind() == ErrorClass::kNotFound);
      CHECK(a.vector.size() == 0);
      a.knows(b);
      CHECK(a.vector.size() == 1);
    }
  }
}

TEST_CASE("an address is written as libfabric writes it", "[fabric][O-47]") {
  const DatagramSide side{"net"};
  const auto four = unwrap(FabricAddress::parse("10.0.0.1:9000"));
  CHECK(unwrap(side.vector.addr_to_string(four)) == "fi_sockaddr_in://10.0.0.1:9000");
  const DatagramSide shm{"shm"};
  const auto own = unwrap(FabricAddress::from_fid(shm.endpoint));
  CHECK(unwrap(shm.vector.addr_to_string(own)).starts_with("fi_shm://"));
}

TEST_CASE("what is no address of the provider is refused or kept, and read past by nobody", "[fabric][O-45]") {
  DatagramSide side{"net"};
  const std::array<std::byte, 3> bytes{};
  const auto inserted = side.vector.insert(unwrap(FabricAddress::from_bytes(bytes)));
  if (!inserted) CHECK(inserted.error().kind() == ErrorClass::kInvalidArgument);
  static_cast<void>(side.vector.addr_to_string(unwrap(FabricAddress::from_bytes(bytes))));
}

TEST_CASE("a vector stays open under its endpoint, and is bound once", "[fabric][O-26]") {
  DatagramSide side{"net"};
  Endpoint endpoint = unwrap(Endpoint::create(side.domain));
  {
    const AddressVector vector = unwrap(AddressVector::open(side.domain, {.count = 8, .ep_per_node = 1}));
    REQUIRE(endpoint.bind(vector));
    CHECK(endpoint.bind(vector).error().kind() == ErrorClass::kInvalidArgument);
  }
  REQUIRE(endpoint.bind(side.completions));
  CHECK(endpoint.enable());
}
