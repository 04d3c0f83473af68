#include <array>
#include <catch2/catch_test_macros.hpp>

#include "lane_suite.hpp"
#include "test_memory.hpp"

namespace weft::conformance {
namespace {

/// A second channel of the same lanes still places bytes.
void check_innocent(LanePair& pair, Watch& watch, Channel a, const Target& target, Token token) {
  const Source source{pair.a(), 4096, 11};
  const std::array gather{source.all()};
  const std::array remote{target.range(0, 4096)};
  const std::size_t before = watch.b.arrivals.size();
  REQUIRE(watch.write(a, gather, remote, 0xC0FFEEU, token));
  watch.until("the innocent write",
              [&] { return watch.b.arrivals.size() > before && watch.b.arrivals.back().immediate == 0xC0FFEEU; });
  watch.until("its bytes", [&] { return target.holds(11, 0, 4096, 0); });
  watch.until("its end", [&] { return watch.a.posted(a) == 0; });
  CHECK(target.guards_hold());
}

/// A write of 4 096 bytes at `offset` of an exposure of 4 096 bytes, which must not happen.
void outside(LanePair& pair, std::uint64_t offset) {
  Watch watch{pair};
  const auto [a, b] = pair.connect(watch);
  const auto [innocent_a, innocent_b] = pair.connect(watch);
  const Target target{pair.b(), b, 4096};
  const Target bystander{pair.b(), b, 4096};
  const Target innocent{pair.b(), innocent_b, 4096};
  const Source source{pair.a(), 4096, 1};
  const std::array gather{source.all()};
  const std::array remote{target.range(offset, 4096)};
  REQUIRE(watch.write(a, gather, remote, 5U, 1));
  watch.until("Down at both", [&] { return watch.a.is_down(a) && watch.b.is_down(b); });
  CHECK(target.untouched());
  CHECK(bystander.untouched());
  CHECK(innocent.untouched());
  if (pair.b().traits().ordered) CHECK(watch.b.arrivals.empty());
  check_innocent(pair, watch, innocent_a, innocent, 2);
}

void unknown_key(LanePair& pair) {
  Watch watch{pair};
  const auto [a, b] = pair.connect(watch);
  const auto [innocent_a, innocent_b] = pair.connect(watch);
  const Target target{pair.b(), b, 4096};
  const Target innocent{pair.b(), innocent_b, 4096};
  const Source source{pair.a(), 4096, 1};
  const std::array gather{source.all()};
  std::array remote{target.range(0, 4096)};
  remote[0].key ^= std::uint64_t{1} << 40 | std::uint64_t{1} << 20;  // keys of verbs have 32 bits
  REQUIRE(watch.write(a, gather, remote, 5U, 1));
  if (pair.b().traits().revoke_fences) {
    watch.until("the post to finish", [&] { return watch.a.posted(a) == 0; });
    check_innocent(pair, watch, a, target, 2);  // discarded: the channel lives
  } else {
    watch.until("Down at both", [&] { return watch.a.is_down(a) && watch.b.is_down(b); });
    CHECK(target.untouched());
  }
  CHECK(innocent.untouched());
  check_innocent(pair, watch, innocent_a, innocent, 3);
  if (!pair.b().traits().ordered) return;  // an immediate may overtake bytes that are refused
  for (const auto& arrival : watch.b.arrivals) CHECK(arrival.immediate != 5U);
}

/// What is exposed to one peer is not to another, where the lane can tell them apart.
void foreign_key(LanePair& pair) {
  Watch watch{pair};
  const auto [a, b] = pair.connect(watch);
  const auto [other_a, other_b] = pair.connect(watch);
  const Target target{pair.b(), other_b, 4096};
  const Source source{pair.a(), 4096, 1};
  const std::array gather{source.all()};
  const std::array remote{target.range(0, 4096)};
  REQUIRE(watch.write(a, gather, remote, 5U, 1));
  watch.until("the post to finish", [&] { return watch.a.posted(a) == 0; });
  watch.settle();
  CHECK(target.untouched());
  CHECK(watch.b.arrivals.empty());
  check_innocent(pair, watch, other_a, target, 2);
}

}  // namespace

void check_refusals(const MakeLanePair& make) {
  SECTION("a write that begins past its exposure is refused and harms nobody else") { outside(*make(), 8192); }
  SECTION("a write that ends a byte past its exposure is refused and harms nobody else") { outside(*make(), 1); }
  SECTION("a write whose end wraps around is refused and harms nobody else") {
    outside(*make(), ~std::uint64_t{0} - 99);
  }
  SECTION("a write to an unknown key lands nowhere and harms nobody else") { unknown_key(*make()); }
  SECTION("a key is good on the channel it was made for only") {
    auto pair = make();
    if (pair->b().traits().revoke_fences) foreign_key(*pair);
  }
}

}  // namespace weft::conformance
