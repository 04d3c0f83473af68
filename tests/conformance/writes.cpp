#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <set>

#include "lane_suite.hpp"
#include "test_memory.hpp"

namespace weft::conformance {
namespace {

void placed(LanePair& pair) {
  Watch watch{pair};
  const auto [a, b] = pair.connect(watch);
  constexpr std::size_t kBytes = 300'001;
  const Source source{pair.a(), kBytes, 1};
  const Target target{pair.b(), b, kBytes};
  bool whole_at_arrival = false;
  watch.b.on_arrived = [&](const Log::Arrival&) { whole_at_arrival = target.holds(1, 100, kBytes - 200, 100); };
  const std::array gather{source.range(100, kBytes - 200)};
  const std::array remote{target.range(100, kBytes - 200)};
  REQUIRE(watch.write(a, gather, remote, 0xABCDEF01U, 42));
  watch.until("the arrival", [&] { return !watch.b.arrivals.empty(); });
  watch.until("the post to finish", [&] { return watch.a.posted(a) == 0; });
  CHECK(watch.b.arrivals[0].immediate == 0xABCDEF01U);
  if (pair.b().traits().attributed) CHECK(watch.b.arrivals[0].channel == b);
  if (pair.b().traits().ordered) CHECK(whole_at_arrival);
  watch.until("the bytes", [&] { return target.holds(1, 100, kBytes - 200, 100); });
  CHECK(target[99] == Target::kFresh);
  CHECK(target[kBytes - 100] == Target::kFresh);
  CHECK(target.guards_hold());
  watch.settle();
  CHECK(watch.b.arrivals.size() == 1);
}

void immediates(LanePair& pair) {
  Watch watch{pair};
  const auto [a, b] = pair.connect(watch);
  const Source source{pair.a(), 64, 2};
  const Target target{pair.b(), b, 64};
  const std::array gather{source.all()};
  const std::array remote{target.range(0, 64)};
  REQUIRE(watch.write(a, gather, remote, 0U, 1));
  REQUIRE(watch.write(a, gather, remote, 0xFFFFFFFFU, 2));
  REQUIRE(watch.write(a, gather, remote, std::nullopt, 3));
  watch.until("two arrivals", [&] { return watch.b.arrivals.size() == 2; });
  watch.until("the posts to finish", [&] { return watch.a.posted(a) == 0; });
  watch.settle();
  REQUIRE(watch.b.arrivals.size() == 2);
  const std::multiset<std::uint32_t> seen{watch.b.arrivals[0].immediate, watch.b.arrivals[1].immediate};
  CHECK(seen == std::multiset<std::uint32_t>{0, 0xFFFFFFFFU});
}

void empty_write(LanePair& pair) {
  Watch watch{pair};
  const auto [a, b] = pair.connect(watch);
  const Source source{pair.a(), 64, 2};
  const Target target{pair.b(), b, 64};
  const std::array gather{source.range(0, 0)};
  const std::array remote{target.range(64, 0)};
  REQUIRE(watch.write(a, gather, remote, 77U, 1));
  watch.until("the arrival", [&] { return watch.b.arrivals.size() == 1; });
  watch.until("the post to finish", [&] { return watch.a.posted(a) == 0; });
  CHECK(watch.b.arrivals[0].immediate == 77U);
  CHECK(target.untouched());
}

/// Ranges of 1, 2, … of one write land backwards, gathered from ranges cut elsewhere.
void scattered(LanePair& pair, std::size_t unit) {
  Watch watch{pair};
  const auto [a, b] = pair.connect(watch);
  const std::size_t parts = pair.a().traits().scatter;
  const std::size_t cuts = pair.a().traits().gather;
  const std::size_t total = unit * parts * (parts + 1) / 2;
  const Source source{pair.a(), total, 4};
  const Target target{pair.b(), b, total + parts};
  std::vector<lane::Gather> gather;
  for (std::size_t i = 0; i < cuts; ++i)
    gather.push_back(source.range(total * i / cuts, total * (i + 1) / cuts - total * i / cuts));
  std::vector<lane::RemoteRange> remote;
  std::size_t offset = total + parts;
  for (std::size_t i = 0; i < parts; ++i) {
    offset -= unit * (i + 1) + 1;
    remote.push_back(target.range(offset, unit * (i + 1)));
  }
  REQUIRE(watch.write(a, gather, remote, 5U, 1));
  watch.until("the arrival", [&] { return watch.b.arrivals.size() == 1; });
  watch.until("the post to finish", [&] { return watch.a.posted(a) == 0; });
  offset = total + parts;
  std::size_t from = 0;
  for (std::size_t i = 0; i < parts; ++i) {
    const std::size_t length = unit * (i + 1);
    offset -= length + 1;
    watch.until("a part", [&] { return target.holds(4, offset, length, from); });
    CHECK(target[offset + length] == Target::kFresh);
    from += length;
  }
  CHECK(target.guards_hold());
}

void many_small(LanePair& pair, Watch::Looks looks) {
  Watch watch{pair};
  const auto [a, b] = pair.connect(watch);
  watch.look(looks);
  constexpr std::uint32_t kCount = 10'000;
  constexpr std::size_t kBytes = 96;
  const Source source{pair.a(), kCount * kBytes, 8};
  const Target target{pair.b(), b, kCount * kBytes};
  for (std::uint32_t i = 0; i < kCount; ++i) {
    const std::array gather{source.range(i * kBytes, kBytes)};
    const std::array remote{target.range(i * kBytes, kBytes)};
    REQUIRE(watch.write(a, gather, remote, i, i));
  }
  watch.until("all arrivals", [&] { return watch.b.arrivals.size() == kCount; });
  watch.until("all posts to finish", [&] { return watch.a.posted(a) == 0; });
  std::set<std::uint32_t> seen;
  bool in_order = true;
  for (const auto& arrival : watch.b.arrivals) {
    in_order &= arrival.immediate == seen.size();
    seen.insert(arrival.immediate);
  }
  CHECK(seen.size() == kCount);
  if (pair.b().traits().ordered) CHECK(in_order);
  watch.until("all bytes", [&] { return target.holds(8, 0, kCount * kBytes, 0); });
  CHECK(watch.a.finished(a) == kCount);
  CHECK(watch.a.failed == 0);
  pair.b().close(b);
  watch.until("both ends to be down", [&] { return watch.a.is_down(a) && watch.b.is_down(b); });
}

void window(LanePair& pair) {
  Watch watch{pair};
  const auto [a, b] = pair.connect(watch);
  const auto& traits = pair.a().traits();
  CHECK(pair.a().room(a) == traits.window_bytes);
  const std::size_t piece = std::min(traits.piece_bytes, traits.window_bytes);
  const Source source{pair.a(), piece, 6};
  const Target target{pair.b(), b, piece};
  const std::array gather{source.all()};
  const std::array remote{target.range(0, piece)};
  std::uint32_t posted = 0;
  for (int lap = 0; lap < 8; ++lap) {
    while (pair.a().room(a) >= piece) {
      REQUIRE(pair.a().write(a, gather, remote, posted, posted) == lane::Posted::kTaken);
      watch.a.expect_finished(a, posted++);
      REQUIRE(posted <= (lap + 1) * (traits.window_bytes / piece));  // room shrank with every write
    }
    watch.until("room again", [&] { return pair.a().room(a) >= piece; });
  }
  watch.until("every arrival", [&] { return watch.b.arrivals.size() == posted; });
  watch.until("every post to finish", [&] { return watch.a.posted(a) == 0; });
  CHECK(pair.a().room(a) == traits.window_bytes);
}

void full(LanePair& pair) {
  Watch watch{pair};
  const auto [a, b] = pair.connect(watch);
  const Source source{pair.a(), 4096, 6};
  const Target target{pair.b(), b, 4096};
  const std::array gather{source.all()};
  const std::array remote{target.range(0, 4096)};
  Token token = 0;
  while (pair.a().write(a, gather, remote, 1U, token) == lane::Posted::kTaken) {
    watch.a.expect_finished(a, token++);
    REQUIRE(token < 1'000'000);
  }
  REQUIRE(token > 0);
  REQUIRE(watch.write(a, gather, remote, 1U, token));
  watch.until("every arrival", [&] { return watch.b.arrivals.size() == token + 1; });
  watch.until("every post to finish", [&] { return watch.a.posted(a) == 0; });
}

}  // namespace

void check_writes(const MakeLanePair& make) {
  SECTION("a write lands where it was told and nothing beside it") { placed(*make()); }
  SECTION("immediates 0 and 2^32-1 arrive; a write without one does not") { immediates(*make()); }
  SECTION("a write of no bytes brings its immediate") { empty_write(*make()); }
  SECTION("several short ranges a write, gathered and scattered") { scattered(*make(), 1); }
  SECTION("several long ranges a write, gathered and scattered") { scattered(*make(), 9973); }
  SECTION("10 000 small writes all arrive") { many_small(*make(), Watch::Looks::kAlways); }
  SECTION("writes are not slept over") {
    auto pair = make();
    if (pair->a().waitable() >= 0) many_small(*pair, Watch::Looks::kAwake);
  }
  SECTION("writes are seen by glances, and by polls when the descriptor tells") {
    many_small(*make(), Watch::Looks::kGlances);
  }
  SECTION("room is the window less what is posted, and comes back") { window(*make()); }
  SECTION("a lane takes a bounded number of writes, says Full, and takes more later") { full(*make()); }
}

}  // namespace weft::conformance
