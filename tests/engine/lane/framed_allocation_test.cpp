#include <tests/allocations.hpp>

#include "framed_fixture.hpp"

using namespace weft;
using namespace weft::lane;
using weft::test::allocations;

TEST_CASE("framed: send, write and poll allocate nothing once warm", "[lane][framed]") {
  auto a = FramedLane::open(OneEnd::defaults());
  auto b = FramedLane::open(OneEnd::defaults());
  REQUIRE((a && b));
  auto pipes = conformance::PlainPipe::make_pair();
  const auto from = (*a)->adopt(std::move(pipes.first));
  const auto to = (*b)->adopt(std::move(pipes.second));
  REQUIRE((from && to));
  std::vector<std::byte> source(256 * 1024);
  std::vector<std::byte> landing(256 * 1024);
  const auto exposure = (*b)->expose({landing.data(), landing.size()}, *to);
  REQUIRE(exposure);
  std::array<Event, 64> events;
  const auto lap = [&] {
    const std::array gather{Gather{source.data(), 100'000}, Gather{source.data() + 5, 100}};
    const std::array remote{RemoteRange{(*exposure)->key(), 0, 100'100}};
    const std::array message{Gather{source.data(), 5'000}, Gather{source.data(), 90'000}};
    std::size_t finished = 0;
    std::size_t heard = 0;
    int posted = 0;
    while (finished < 40 || heard < 40) {
      if (posted < 20 && (*a)->write(*from, gather, remote, 1U, 1) == Posted::kTaken) {
        while ((*a)->send(*from, message, 2) != Posted::kTaken) {}
        ++posted;
      }
      for (std::size_t i = (*a)->poll(events); i > 0; --i)
        finished += std::holds_alternative<Finished>(events[i - 1]) ? 1 : 0;
      for (std::size_t i = (*b)->poll(events); i > 0; --i) {
        heard += std::holds_alternative<Up>(events[i - 1]) ? 0 : 1;
        events[i - 1] = std::monostate{};
      }
    }
  };
  while ((*a)->room(*from) == 0) (*a)->poll(events);
  for (int i = 0; i < 5; ++i) lap();
  const std::size_t before = allocations.load();
  for (int i = 0; i < 20; ++i) lap();
  CHECK(allocations.load() == before);
}
