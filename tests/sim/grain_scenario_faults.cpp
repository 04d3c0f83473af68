#include <tests/sim/grain_scenario.hpp>

#include <optional>

#include <fmt/format.h>

namespace weft::sim {

using namespace std::chrono_literals;

void GrainScenario::lose_rails() {
  SimNode& node = world_.node(below(world_.nodes()));
  if (node.rail_lanes().empty()) return;
  lane::FakeLane& lane = *node.rail_lanes()[below(node.rail_lanes().size())];
  world_.ledger().note(world_.now(), "rails lost");
  for (std::uint32_t channel = 1; channel <= 40; ++channel)
    world_.network().reset(lane, lane::Channel{channel}, up_to(3ms), up_to(3ms));
  node.poke();
}

void GrainScenario::kill(std::size_t node) {
  if (!world_.node(node).alive()) return;
  for (Feed& feed : feeds_)
    if (feed.node == node) feed.open = feed.up = false;
  for (Send& send : sends_)
    if (feeds_[send.feed].node == node && send.ends == 0) send.ends = 1, send.may_have = true;  // nobody is told
  for (TargetSide& target : targets_)
    if (target.node == node) target.closed = true;
  world_.node(node).die(chance(0.3) ? std::nullopt : std::optional(up_to(3ms)));
}

void GrainScenario::revive(std::size_t node) {
  if (world_.node(node).alive()) return;
  world_.node(node).start();
  world_.node(node).poke();
  for (TargetSide& target : targets_)
    if (target.node == node) open_target(target);
  for (std::size_t f = 0; f < feeds_.size(); ++f)
    if (feeds_[f].node == node) open_feed(f);
}

void GrainScenario::fault() {
  if (healed_) return;
  lane::FakeNetwork& network = world_.network();
  const std::size_t n = below(world_.nodes());
  SimNode& node = world_.node(n);
  if (!usable(n)) return;
  const std::uint64_t which = below(7);
  world_.ledger().note(world_.now(), fmt::format("fault {} of node {}", which, n));
  const std::size_t rails = node.rail_lanes().size();
  lane::FakeLane& lane = rails != 0 && chance(0.7) ? *node.rail_lanes()[below(rails)] : node.stream();
  switch (which) {
    case 0:
    case 1:
    case 2:
      for (std::uint32_t channel = 1; channel <= 6; ++channel)
        network.reset(lane, lane::Channel{channel}, up_to(3ms), up_to(3ms));
      node.poke();
      break;
    case 3:
      kill(n);
      world_.after(up_to(chance(0.5) ? 10ms : 600ms), [this, n] { revive(n); });
      break;
    case 4: {
      const std::size_t other = below(world_.nodes());
      if (other == n) return;
      network.partition(node.number(), world_.node(other).number(), true);
      world_.after(up_to(chance(0.5) ? 20ms : 4s), [&network, &node, this, other] {
        network.partition(node.number(), world_.node(other).number(), false);
      });
      break;
    }
    case 5:
      close_target(targets_[below(targets_.size())]);
      break;
    default: {
      Feed& feed = feeds_[below(feeds_.size())];
      if (!usable(feed.node) || !feed.open) return;
      SimNode& from = world_.node(feed.node);
      if (chance(0.5))
        from.core().leave_feed(feed.key, world_.now());
      else
        from.core().cancel(feed.key, ErrorClass::kCancelled, world_.now());
      from.poke();
      break;
    }
  }
}

void GrainScenario::heal() {
  world_.ledger().note(world_.now(), "heal");
  healed_ = true;
  for (std::size_t a = 0; a < world_.nodes(); ++a) {
    world_.node(a).enrich();
    revive(a);
    for (std::size_t b = 0; b < world_.nodes(); ++b)
      if (a != b) world_.network().partition(world_.node(a).number(), world_.node(b).number(), false);
  }
}

}  // namespace weft::sim
