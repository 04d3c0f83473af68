#include <rdma/fabric.h>
#include <rdma/fi_rma.h>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <limits>

#include <weft/fabric/local_region_group.hpp>
#include <weft/fabric/region_group.hpp>
#include <weft/fabric/remote_region_group.hpp>

using namespace weft;
using namespace weft::fabric;

TEST_CASE("a region is the iovec of its bytes", "[fabric][O-14]") {
  std::array<std::byte, 24> memory{};
  const iovec range = Region::of(std::span{memory}).to_iovec();
  CHECK(range.iov_base == memory.data());
  CHECK(range.iov_len == 24);
  CHECK(Region{}.to_iovec().iov_len == 0);
}

TEST_CASE("a group's iovecs are its regions, in order, however it was made", "[fabric][O-16]") {
  std::array<std::byte, 24> memory{};
  const std::array regions{Region::of(std::span{memory}.first(8)), Region::of(std::span{memory}.last(16))};
  RegionGroup grown;
  CHECK(grown.empty());
  for (const Region& region : regions) grown.push_back(region);
  const RegionGroup listed{regions[0], regions[1]};
  const RegionGroup copied{std::span<const Region>{regions}};
  CHECK(grown == listed);
  CHECK(grown == copied);
  REQUIRE(grown.as_iovec().size() == 2);
  for (std::size_t i = 0; i < grown.size(); ++i) {
    CHECK(grown[i] == regions[i]);
    CHECK(grown.as_iovec()[i].iov_base == reinterpret_cast<void*>(regions[i].base));
    CHECK(grown.as_iovec()[i].iov_len == regions[i].size);
  }
}

TEST_CASE("a part of a local group lies inside it, or is refused", "[fabric][O-22]") {
  const LocalRegionGroup group{{1000, 10, nullptr}, {2000, 20, nullptr}, {3000, 30, nullptr}};
  CHECK(group.bytes() == 60);
  CHECK(group.as_iovec()[1].iov_len == 20);
  CHECK(group.descs().size() == 3);
  const auto whole = unwrap(group.span(0, 3));
  CHECK(whole.size() == 3);
  CHECK(whole[2] == group[2]);
  CHECK(unwrap(group.span(1, 2))[0] == group[1]);
  CHECK(unwrap(group.span(3, 3)).empty());
  constexpr auto kHuge = std::numeric_limits<std::size_t>::max();
  for (const auto& [begin, end] :
       {std::pair<std::size_t, std::size_t>{3, 4}, {4, 4}, {2, 1}, {0, 4}, {kHuge, 1}, {1, kHuge}}) {
    const auto part = group.span(begin, end);
    REQUIRE_FALSE(part);
    CHECK(part.error().kind() == ErrorClass::kInvalidArgument);
  }
}

TEST_CASE("a remote group is what fi_writemsg takes", "[fabric][O-24]") {
  const RemoteRegionGroup group{{0, 10, 7}, {4096, 20, 8}};
  CHECK(group.bytes() == 30);
  const std::vector<fi_rma_iov> raw = group.to_rma_iov();
  REQUIRE(raw.size() == 2);
  CHECK(raw[1].addr == 4096);
  CHECK(raw[1].len == 20);
  CHECK(raw[1].key == 8);
}
