#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <weft/lane/fake_network.hpp>

#include <tests/sim/ledger.hpp>
#include <tests/sim/sim_node.hpp>

namespace weft::sim {

/// A network of simulated processes with one virtual clock. Everything follows from the seed.
class World {
 public:
  explicit World(std::uint64_t seed);
  ~World();

  SimNode& add_node(SimNodeOptions options = {});
  SimNode& node(std::size_t i) { return *nodes_[i]; }
  std::size_t nodes() const noexcept { return nodes_.size(); }
  SimNode* find(const NodeId& id);

  lane::FakeNetwork& network() noexcept { return network_; }
  lane::FakeRandom& random() noexcept { return network_.random(); }
  Ledger& ledger() noexcept { return ledger_; }
  TimePoint now() const noexcept { return network_.now(); }

  /// Dials a session for `from`: it comes up, or the core hears that it did not.
  void dial(SimNode& from, const NodeId& to);
  void after(Duration delay, std::function<void()> action) { network_.at(now() + delay, std::move(action)); }
  /// Turns nodes and clock until that time; true when `done` said so first.
  bool run_until(TimePoint end, const std::function<bool()>& done = {});
  bool run_for(Duration time, const std::function<bool()>& done = {}) { return run_until(now() + time, done); }
  /// Until every call so far has its outcome; false when some had none in that time.
  bool run_calls(Duration at_most);
  /// What nodes still hold when nothing is under way: breaches for each thing left.
  void check_settled();

 private:
  bool turn_nodes();
  void watch(lane::FakeLane& lane, std::byte* address);

  lane::FakeNetwork network_;
  Ledger ledger_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
};

}  // namespace weft::sim
