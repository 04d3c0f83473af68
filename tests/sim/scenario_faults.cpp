#include <tests/sim/scenario.hpp>

#include <algorithm>

/// What goes wrong in a scenario. Each fault marks whom it may touch; everybody else must not notice (N10).
namespace weft::sim {

using namespace std::chrono_literals;

void Scenario::schedule_faults() {
  for (std::uint64_t n = 1 + below(4); n > 0; --n) {
    SimNode& a = any_node();
    SimNode& b = world_.node((a.number() + 1 + below(world_.nodes() - 1)) % world_.nodes());
    if (chance(0.5)) {
      touched_pairs_.insert(std::minmax(a.number(), b.number()));
      world_.after(up_to(span_), [this, &a, &b] { fault_pair(a, b); });
    } else {
      touched_nodes_.insert(a.number());
      world_.after(up_to(span_), [this, &a] { fault_node(a); });
    }
  }
}

void Scenario::fault_pair(SimNode& a, SimNode& b) {
  if (healed_) return;
  lane::FakeNetwork& network = world_.network();
  lane::FakeLink link = network.link(a.number(), b.number());
  const double some = chance(0.5) ? 0.02 : 0.25;
  const std::uint64_t which = below(6);
  note("fault " + std::to_string(which) + " of the pair " + std::to_string(a.number()) + ", " +
       std::to_string(b.number()));
  switch (which) {
    case 0:
      link.lose_write = some;
      break;
    case 1:
      link.corrupt_write = some;
      break;
    case 2:
      link.duplicate_arrival = some;
      break;
    case 3:
      link.lose_write = link.corrupt_write = link.duplicate_arrival = some / 2;
      break;
    case 4:
      link.silent = true;
      break;
    default:
      network.partition(a.number(), b.number(), true);
      world_.after(up_to(chance(0.5) ? 50ms : 5s),
                   [&network, &a, &b] { network.partition(a.number(), b.number(), false); });
      return;
  }
  network.set_link(a.number(), b.number(), link);
}

void Scenario::stop(SimNode& node, Duration time) {
  lane::FakeNetwork& network = world_.network();
  for (Call& call : world_.ledger().calls())
    if (call.from == node.number() && call.outcomes == 0) call.unpunctual = true;
  network.stop(node.number(), true);
  world_.after(time, [&network, &node] {
    network.stop(node.number(), false);
    node.poke();
  });
}

void Scenario::restart(SimNode& node) {
  if (node.alive()) return;
  node.start();
  publish_all(node);
  node.poke();
}

void Scenario::restart_later(SimNode& node, Duration after) {
  world_.after(after, [this, &node] { restart(node); });
}

/// Every call of it must end at once, whatever was under way.
void Scenario::shut_down(SimNode& node) {
  node.core().shut_down(world_.now());
  node.poke();
  world_.after(2s, [this, &node, life = node.life()] {
    if (node.life() != life) return;
    for (const Call& call : world_.ledger().calls())
      if (call.from == node.number() && call.life == node.incarnation() && call.outcomes == 0 && !call.unpunctual)
        world_.ledger().breach("N6: a call outlived the shutdown of its node");
    node.die(1ms);
    restart(node);
  });
}

void Scenario::fault_node(SimNode& node) {
  if (healed_ || !node.alive()) return;
  lane::FakeNetwork& network = world_.network();
  Manners& manners = node.manners();
  const std::size_t rails = node.rail_lanes().size();
  lane::FakeLane& lane = rails != 0 && chance(0.6) ? *node.rail_lanes()[below(rails)] : node.stream();
  const lane::Channel channel{static_cast<std::uint32_t>(1 + below(6))};
  const auto hears = [this]() -> std::optional<Duration> {
    if (chance(0.25)) return std::nullopt;
    return up_to(5ms);
  };
  const std::uint64_t which = below(11);
  note("fault " + std::to_string(which) + " of node " + std::to_string(node.number()));
  switch (which) {
    case 0:
    case 1:
      network.reset(lane, channel, hears(), hears());
      break;
    case 2:
      network.silence(lane, channel);
      break;
    case 3:
    case 4:
      node.die(hears());
      restart_later(node, up_to(chance(0.5) ? 10ms : 1s));
      break;
    case 5:
      stop(node, up_to(chance(0.5) ? 20ms : 4500ms));
      break;
    case 6:
      network.swallow_dials(lane, 1 + static_cast<std::uint32_t>(below(2)));
      break;
    case 7:
      manners.prepare_fails = 0.2;
      manners.refuses = 0.2;
      break;
    case 8:
      manners.holds = 0.5;
      break;
    case 9:
      manners.loses_receipts = 0.5;
      break;
    default:
      shut_down(node);
      break;
  }
}

void Scenario::heal() {
  note("heal");
  lane::FakeNetwork& network = world_.network();
  for (std::size_t a = 0; a < world_.nodes(); ++a) {
    SimNode& node = world_.node(a);
    if (network.is_stopped(node.number())) network.stop(node.number(), false);
    for (std::size_t b = 0; b < world_.nodes(); ++b) {
      lane::FakeLink link = network.link(node.number(), world_.node(b).number());
      link.held = link.silent = false;
      link.lose_write = link.corrupt_write = link.duplicate_arrival = 0;
      network.set_link(node.number(), world_.node(b).number(), link);
    }
    node.manners().prepare_fails = node.manners().refuses = node.manners().holds = 0;
    node.manners().loses_receipts = 0;
    node.enrich();
    restart(node);
    node.release_offers();
    node.poke();
  }
}

}  // namespace weft::sim
