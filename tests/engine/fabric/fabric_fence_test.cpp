// What the design rests on (facts E1, E2): closing a registration does not stop a write that has begun; closing the
// endpoint does, at once.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "lane_pair.hpp"

using namespace weft;
using namespace weft::fabric::test;

namespace {

constexpr std::size_t kBytes = 64 << 20;
constexpr std::byte kMark{0x5A};

/// One write of 64 MiB under way: some of it has landed, not all.
struct HalfWay {
  explicit HalfWay(const std::string& provider) : nodes(provider), source(kBytes, kMark), landing(kBytes) {
    nodes.connect();
    exposure = unwrap(nodes.b.lane->expose({landing.data(), kBytes}, nodes.at_b));
    const std::array gather{lane::Gather{source.data(), kBytes, nullptr}};
    const std::array remote{lane::RemoteRange{exposure->key(), exposure->base(), kBytes}};
    REQUIRE(nodes.a.lane->write(nodes.at_a, gather, remote, 1u, 77) == lane::Posted::kTaken);
    nodes.until("the first bytes to land", [&] { return landing[kBytes / 16] == kMark; });
    REQUIRE(landed() < kBytes);
    REQUIRE(nodes.a.count<lane::Finished>() == 0);
  }
  std::size_t landed() const { return static_cast<std::size_t>(std::ranges::count(landing, kMark)); }

  Nodes nodes;
  std::vector<std::byte> source;
  std::vector<std::byte> landing;
  lane::ExposurePtr exposure;
};

}  // namespace

TEST_CASE("bytes go on landing after their registration was closed", "[fabric][E-01]") {
  for (const char* provider : {"net", "tcp"}) {
    DYNAMIC_SECTION("on " << provider) {
      HalfWay half{provider};
      half.exposure.reset();
      const std::size_t before = half.landed();
      half.nodes.until("the write to end", [&] { return half.nodes.a.count<lane::Finished>() == 1; });
      half.nodes.until("all of it to land", [&] { return half.landing[kBytes - 1] == kMark; });
      CHECK(half.landed() > before);
      CHECK_FALSE(half.nodes.b.lane->traits().revoke_fences);
    }
  }
}

TEST_CASE("no byte lands after the channel was closed, and the writer is told", "[fabric][E-02][N9]") {
  for (const char* provider : {"net", "tcp"}) {
    DYNAMIC_SECTION("on " << provider) {
      HalfWay half{provider};
      half.nodes.b.lane->close(half.nodes.at_b);
      const std::vector<std::byte> at_close = half.landing;
      half.nodes.until("both ends",
                       [&] { return half.nodes.a.count<lane::Down>() == 1 && half.nodes.b.count<lane::Down>() == 1; });
      for (int lap = 0; lap < 1000; ++lap) half.nodes.turn();
      CHECK(half.landing == at_close);
      REQUIRE(half.nodes.a.count<lane::Finished>() == 1);
      CHECK(half.nodes.a.last<lane::Finished>().failed);
      CHECK(half.nodes.a.last<lane::Finished>().token == 77);
      CHECK(half.nodes.b.count<lane::Arrived>() == 0);
      CHECK(half.nodes.a.last<lane::Down>().why.kind() == ErrorClass::kPeerLost);
      CHECK(half.nodes.b.last<lane::Down>().why.kind() == ErrorClass::kCancelled);
    }
  }
}
