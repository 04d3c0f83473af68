#include <array>
#include <catch2/catch_test_macros.hpp>

#include "lane_suite.hpp"
#include "test_memory.hpp"

namespace weft::conformance {
namespace {

void bulk_shares(LanePair& pair) {
  Watch watch{pair};
  const std::array channels{pair.connect(watch), pair.connect(watch), pair.connect(watch)};
  const std::size_t piece = std::min(pair.a().traits().piece_bytes, pair.a().traits().window_bytes);
  constexpr std::uint32_t kPieces = 60;
  const Source source{pair.a(), piece, 1};
  std::vector<std::unique_ptr<Target>> targets;
  for (const auto& [a, b] : channels) targets.push_back(std::make_unique<Target>(pair.b(), b, piece));
  std::array<std::uint32_t, 3> posted{};
  std::array<std::uint32_t, 3> arrived{};
  watch.b.on_arrived = [&](const Log::Arrival& arrival) { ++arrived[arrival.immediate]; };
  const std::array gather{source.all()};
  auto pour = [&] {
    for (std::uint32_t i = 0; i < 3; ++i) {
      while (posted[i] < kPieces && pair.a().room(channels[i].first) >= piece) {
        const std::array remote{targets[i]->range(0, piece)};
        const auto outcome = pair.a().write(channels[i].first, gather, remote, i, posted[i]);
        if (outcome == lane::Posted::kFull) break;
        REQUIRE(outcome == lane::Posted::kTaken);
        watch.a.expect_finished(channels[i].first, posted[i]++);
      }
    }
  };
  watch.until("one channel to be through", [&] {
    pour();
    return arrived[0] == kPieces || arrived[1] == kPieces || arrived[2] == kPieces;
  });
  for (const std::uint32_t count : arrived) CHECK(count > kPieces / 4);
  watch.until("all channels to be through", [&] {
    pour();
    return arrived[0] + arrived[1] + arrived[2] == 3 * kPieces;
  });
}

/// A message posted behind a window full of writes arrives before most of what is posted after it.
void messages_overtake(LanePair& pair) {
  Watch watch{pair};
  const auto [a, b] = pair.connect(watch);
  const std::size_t piece = std::min(pair.a().traits().piece_bytes, pair.a().traits().window_bytes);
  const Source source{pair.a(), piece, 1};
  const Target target{pair.b(), b, piece};
  const std::array bulk{source.all()};
  const std::array small{source.range(0, std::min<std::size_t>(64, piece))};
  const std::array remote{target.range(0, piece)};
  Token token = 0;
  auto pour = [&] {
    while (pair.a().room(a) >= piece && pair.a().write(a, bulk, remote, 1U, token) == lane::Posted::kTaken)
      watch.a.expect_finished(a, token++);
  };
  for (std::size_t ping = 1; ping <= 20; ++ping) {
    pour();
    REQUIRE(watch.send(a, small, 1'000'000 + ping));
    const std::size_t before = watch.b.arrivals.size();
    watch.until("a message among bulk", [&] {
      pour();
      return watch.b.messages.size() == ping;
    });
    CHECK(watch.b.arrivals.size() - before < 200);
  }
  watch.until("every post to finish", [&] { return watch.a.posted(a) == 0; });
}

}  // namespace

void check_sharing(const MakeLanePair& make) {
  SECTION("channels under load get like shares") { bulk_shares(*make()); }
  SECTION("messages get through while writes fill the window") {
    auto pair = make();
    if (pair->a().traits().max_message > 0) messages_overtake(*pair);
  }
}

}  // namespace weft::conformance
