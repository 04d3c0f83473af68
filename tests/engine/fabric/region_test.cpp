#include <catch2/catch_test_macros.hpp>
#include <limits>

#include <weft/fabric/local_region.hpp>
#include <weft/fabric/region.hpp>
#include <weft/fabric/remote_region.hpp>

using namespace weft;
using namespace weft::fabric;

TEST_CASE("a location tells its id, interface and name", "[fabric][O-15][O-W13]") {
  CHECK(Region::Location::host().to_string() == "host");
  CHECK(Region::Location::host().id() == 0);
  CHECK(Region::Location::host().iface() == 0);
  CHECK(Region::Location::cuda(3).to_string() == "cuda, id=3");
  CHECK(Region::Location::cuda(3).id() == 3);
  CHECK(Region::Location::cuda(3).iface() == 1);
  CHECK(Region::Location::cuda(0) != Region::Location::host());
}

TEST_CASE("a part of a region is inside it, and sums that wrap are refused", "[fabric][O-21][O-23]") {
  const LocalRegion local{1000, 100, nullptr};
  const RemoteRegion remote{0, 100, 7};
  CHECK(unwrap(local.sub(0, 100)) == local);
  CHECK(unwrap(local.sub(100, 0)) == LocalRegion{1100, 0, nullptr});
  CHECK(unwrap(remote.sub(40, 60)) == RemoteRegion{40, 60, 7});
  constexpr auto kHuge = std::numeric_limits<std::uint64_t>::max();
  for (const auto& [offset, length] :
       {std::pair<std::uint64_t, std::size_t>{0, 101}, {100, 1}, {kHuge, 2}, {2, kHuge}}) {
    CHECK_FALSE(local.sub(offset, length));
    CHECK_FALSE(remote.sub(offset, length));
  }
}
