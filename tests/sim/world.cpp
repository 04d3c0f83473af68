#include <tests/sim/world.hpp>

#include <algorithm>

#include <fmt/format.h>

namespace weft::sim {

World::World(std::uint64_t seed) : network_(seed) {
  network_.on_landed = [this](lane::FakeLane& lane, std::byte* address, std::size_t) { watch(lane, address); };
  network_.on_unattached = [this](const lane::FakeLane& lane, const lane::Gather& range) {
    ledger_.breach(fmt::format("node {} posts {} bytes that its lane was not told of, or no longer knows", lane.node(),
                               range.size));
  };
}

World::~World() { nodes_.clear(); }

SimNode& World::add_node(SimNodeOptions options) {
  return *nodes_.emplace_back(
      std::make_unique<SimNode>(*this, static_cast<lane::FakeNode>(nodes_.size()), std::move(options)));
}

SimNode* World::find(const NodeId& id) {
  for (const auto& node : nodes_)
    if (node->id() == id) return node.get();
  return nullptr;
}

/// Called before bytes of a peer land: whose memory is it now?
void World::watch(lane::FakeLane& lane, std::byte* address) {
  if (LandingBank::Cell* cell = LandingBank::of_this_thread().find(address)) {
    if (!cell->leased())
      ledger_.breach("N9: a write landed in a landing that was handed back");
    else if (!cell->writable)
      ledger_.breach("N9: a write landed in a tensor that was already told");
    return;
  }
  bool open = false;
  for (const auto& node : nodes_) {
    if (node->number() != lane.node() || !node->memory().find(address, open)) continue;
    if (!open) ledger_.breach("N9: a write landed in the caller's memory after its call had ended");
    return;
  }
  ledger_.breach("N9: a write landed in memory of nobody");
}

void World::dial(SimNode& from, const NodeId& to) {
  SimNode* peer = find(to);
  const Duration trip = 3 * network_.link(from.number(), peer == nullptr ? from.number() : peer->number()).latency;
  after(trip, [this, &from, peer, to, life = from.life()] {
    if (life != from.life()) return;
    const auto blocked = [&](lane::FakeNode a, lane::FakeNode b) {
      const lane::FakeLink link = network_.link(a, b);
      return link.held || link.silent;
    };
    const bool reached = peer != nullptr && peer->alive() && !network_.is_stopped(peer->number()) &&
                         !blocked(from.number(), peer->number()) && !blocked(peer->number(), from.number());
    if (!reached) {
      const Duration gives_up = peer != nullptr && peer->alive() ? Duration(std::chrono::seconds(2)) : Duration{};
      after(gives_up, [this, &from, to, life] {
        if (life != from.life()) return;
        from.core().dial_failed(to, Error(ErrorClass::kPeerUnreachable, "dial", "nobody answers"), now());
        from.poke();
      });
      return;
    }
    const auto [here, there] = network_.connect(from.stream(), peer->stream());
    transfer::SessionSpec spec{.peer = to, .dialled = true, .same_host = true, .stream = from.stream().traits()};
    for (std::byte& byte : spec.id) byte = static_cast<std::byte>(random().next());
    crypto::PassKey key{};
    for (std::byte& byte : key) byte = static_cast<std::byte>(random().next());
    spec.rail_lanes = from.offers();
    transfer::SessionSpec accepted{
        .peer = from.id(), .dialled = false, .same_host = true, .stream = peer->stream().traits()};
    accepted.rail_lanes = peer->offers();
    if (ledger_.traced) ledger_.note(now(), fmt::format("    session of {} with {}", from.number(), peer->number()));
    from.driver().adopt(from.stream(), here, std::move(spec), key);
    peer->driver().adopt(peer->stream(), there, std::move(accepted), key);
    from.poke();
    peer->poke();
  });
}

bool World::turn_nodes() {
  bool any = false;
  for (const auto& node : nodes_) {
    if (!node->alive() || network_.is_stopped(node->number()) || node->next_due() > now()) continue;
    any = node->turn(now()) || any;
  }
  return any;
}

bool World::run_until(TimePoint end, const std::function<bool()>& done) {
  for (;;) {
    std::uint64_t spins = 0;
    while (turn_nodes()) {
      if (++spins > 100'000) {
        ledger_.breach("a node turns for ever without time passing");
        return false;
      }
    }
    if (!ledger_.breaches().empty()) return true;
    if (done && done()) return true;
    TimePoint next = network_.next_event_time();
    for (const auto& node : nodes_)
      if (!network_.is_stopped(node->number())) next = std::min(next, node->next_due());
    if (next > end) break;
    network_.advance_to(std::max(next, now()));
  }
  network_.advance_to(end);
  return false;
}

bool World::run_calls(Duration at_most) {
  const auto done = [this] {
    return std::all_of(ledger_.calls().begin(), ledger_.calls().end(),
                       [](const Call& call) { return call.outcomes != 0 || call.died; });
  };
  return run_for(at_most, done);
}

void World::check_settled() {
  for (const auto& node : nodes_) {
    if (node->memory().changed() != 0)
      ledger_.breach(fmt::format("N9: caller's memory at {} changed after its call had ended", node->number()));
    if (!node->alive()) continue;
    const transfer::CoreStats stats = node->core().stats();
    if (stats.transfers_live != 0)
      ledger_.breach(fmt::format("node {} keeps {} transfers", node->number(), stats.transfers_live));
    if (stats.slots_free != kMaxSlots)
      ledger_.breach(fmt::format("node {} keeps {} slots", node->number(), kMaxSlots - stats.slots_free));
    if (stats.held_offers != 0)
      ledger_.breach(fmt::format("node {} holds {} offers", node->number(), stats.held_offers));
    if (stats.attached != 0)
      ledger_.breach(fmt::format("node {} keeps {} attachments", node->number(), stats.attached));
    if (stats.staging_taken != 0)
      ledger_.breach(fmt::format("node {} keeps {} staging buffers", node->number(), stats.staging_taken));
    node->last = {};
    node->drop_landings();
  }
  if (const std::size_t leased = LandingBank::of_this_thread().leased(); leased != 0)
    ledger_.breach(fmt::format("{} landings were never handed back", leased));
}

}  // namespace weft::sim
