#pragma once

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "rail_pair.hpp"

namespace weft::fabric::test {

/// Sends these grains, of one size, through a ring of four slots, each of which is read when it comes and then let go,
/// and closes the pair. Each is told once, whole and in order, and has one result: that it arrived. Gives how many
/// writes of rails it took.
inline std::uint64_t through_a_ring(RailPair& pair, const std::vector<std::vector<std::byte>>& grains) {
  constexpr std::size_t kSlots = 4;
  const std::size_t bytes = grains.front().size();
  std::vector<std::byte> memory(kSlots * bytes);
  const transfer::RingToken token{std::byte{5}};
  transfer::RingSpec ring{.name = "ring", .token = token};
  for (std::size_t slot = 0; slot < kSlots; ++slot)
    ring.slots.emplace_back(std::span{memory}.subspan(slot * bytes, bytes));
  const transfer::RingKey key = unwrap(pair.a.core.open_ring(std::move(ring)));
  std::vector<std::uint64_t> seen, torn;
  pair.a.on_grain = [&](const transfer::GrainEvent& event) {
    const auto* grain = std::get_if<transfer::GrainArrived>(&event);
    if (grain == nullptr) return;
    CHECK(grain->complete);
    seen.push_back(grain->index);
    const auto slot = std::span{memory}.subspan(grain->slot * bytes, bytes);
    if (!std::ranges::equal(slot, grains.at(grain->index))) torn.push_back(grain->index);
    // So that a write which comes too late is seen in what is read next.
    std::ranges::fill(slot, std::byte{0xEE});
    CHECK(pair.a.core.release_slot(key, grain->slot, pair.now()));
  };
  std::vector<int> ends(grains.size());
  std::vector<std::string> failed;
  bool up = false;
  pair.b.on_grain = [&](const transfer::GrainEvent& event) {
    up = up || std::holds_alternative<transfer::FeedUp>(event);
    const auto* ended = std::get_if<transfer::GrainEnded>(&event);
    if (ended == nullptr) return;
    ++ends.at(ended->cookie);
    if (ended->error) failed.push_back(ended->error->to_string());
  };
  pair.meet();
  const auto feed =
      pair.b.core.open_feed({.peer = node_id(1), .token = token, .grains = kSlots, .grain_bytes = bytes}, pair.now());
  pair.until("the ring's answer", [&] { return up; });
  for (std::size_t index = 0; index < grains.size(); ++index) {
    const std::array parts{lane::Gather{grains[index].data(), bytes}};
    REQUIRE(pair.b.core.send_grain(feed, {.index = index, .last_slice = 1, .parts = parts, .cookie = index}));
  }
  pair.until("every end", [&] { return std::ranges::all_of(ends, [](int times) { return times > 0; }); });
  const std::uint64_t writes = pair.b.rails ? pair.b.rails->writes() : 0;
  pair.close();
  CHECK(std::ranges::all_of(ends, [](int times) { return times == 1; }));
  CHECK(failed == std::vector<std::string>{});
  CHECK(torn == std::vector<std::uint64_t>{});
  std::vector<std::uint64_t> wanted(grains.size());
  std::iota(wanted.begin(), wanted.end(), std::uint64_t{0});
  CHECK(seen == wanted);
  return writes;
}

}  // namespace weft::fabric::test
