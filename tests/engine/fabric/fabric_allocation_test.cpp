// The data path of the classes allocates nothing.
#include <catch2/catch_test_macros.hpp>

#include <tests/allocations.hpp>

#include "datagram_side.hpp"
#include "loopback.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;
using weft::test::allocations;

TEST_CASE("writing, gathering and reading the queues allocate nothing", "[fabric][O-W23]") {
  Connection pair{"net"};
  std::vector<std::byte> memory(4096);
  REQUIRE(pair.a.domain.register_regions({Region::of(std::span{memory})}, Access::kWrite));
  REQUIRE(pair.b.domain.register_regions({Region::of(std::span{memory})}, Access::kRemoteWrite));
  const LocalRegion from = pair.a.domain.local_regions()[0];
  const RemoteRegion to = pair.b.domain.remote_regions()[0];
  const LocalRegionGroup parts{unwrap(from.sub(0, 1)),   unwrap(from.sub(1, 2)),  unwrap(from.sub(3, 4)),
                               unwrap(from.sub(7, 8)),   unwrap(from.sub(15, 1)), unwrap(from.sub(16, 100)),
                               unwrap(from.sub(116, 10))};
  std::array<Completion, 16> batch;
  const auto lap = [&] {
    std::size_t ends = 0;
    std::size_t posts = 0;
    std::size_t arrivals = 0;
    while (posts == 0 || ends < posts || arrivals < 2) {
      if (posts == 0) {
        posts = unwrap(pair.at_a->write(from, to, kConnectedPeer, 1u)) == PostResult::kPosted ? 1 : 0;
        const auto group = unwrap(pair.at_a->write(parts, to, kConnectedPeer, 2u));
        posts += group.operations();
      }
      ends += pair.a.completions.read(batch);
      arrivals += pair.b.completions.read(batch);
      if (pair.at_b->read_queues().first) ++arrivals;
      static_cast<void>(pair.at_a->id());
    }
    return ends + arrivals;
  };
  for (int warm = 0; warm < 3; ++warm) lap();
  const std::size_t before = allocations.load();
  std::size_t done = 0;
  for (int i = 0; i < 100; ++i) done += lap();
  CHECK(done >= 500);
  CHECK(allocations.load() == before);
}
