#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <tests/sim/world.hpp>

namespace weft::sim {

struct ScenarioResult {
  std::vector<std::string> breaches{};
  std::size_t calls = 0;
  std::size_t succeeded = 0;
};

/// One random run: two to six nodes, their calls and their faults in phase 1; in phase 2 everything heals, every call
/// must end, and new ones must succeed. The invariants of docs (N1 to N6, N9, N10) are checked throughout. Everything
/// follows from the seed.
class Scenario {
 public:
  /// `traced` prints every call and fault as it happens.
  explicit Scenario(std::uint64_t seed, bool traced = false);
  ScenarioResult run();

 private:
  using Pair = std::pair<lane::FakeNode, lane::FakeNode>;

  // scenario.cpp: who there is, and what they do
  void build();
  void connect_links();
  void schedule_calls();
  void do_something();
  void pull(SimNode& from, SimNode& to);
  void push(SimNode& from, SimNode& to);
  void change_catalog(SimNode& node);
  transfer::PartSpec random_part(const TensorKind& kind);
  void bring_memory(SimNode& from, transfer::PullSpec& spec, const std::vector<std::string>& names);
  transfer::Bound random_bound();
  void maybe_cancel(SimNode& from, std::uint64_t cookie);
  void last_round();

  // scenario_faults.cpp: what goes wrong, and how it heals
  void schedule_faults();
  void fault_pair(SimNode& a, SimNode& b);
  void fault_node(SimNode& node);
  void stop(SimNode& node, Duration time);
  void restart_later(SimNode& node, Duration after);
  void restart(SimNode& node);
  void shut_down(SimNode& node);
  void heal();

  void note(const std::string& line) { world_.ledger().note(world_.now(), line); }
  std::uint64_t below(std::uint64_t bound) { return world_.random().below(bound); }
  bool chance(double probability) { return world_.random().chance(probability); }
  Duration up_to(Duration most) {
    return Duration{static_cast<std::int64_t>(below(static_cast<std::uint64_t>(most.count()) + 1))};
  }
  SimNode& any_node() { return world_.node(below(world_.nodes())); }
  const TensorKind& kind_of(const std::string& name) const;
  bool plain(const SimNode& from, const SimNode& to) const;
  void publish_all(SimNode& node);

  World world_;
  std::vector<TensorKind> kinds_;
  std::vector<std::pair<lane::FakeNode, transfer::HandleSpec>> handles_;  // learned, some of them stale by now
  std::vector<std::string> handle_names_;
  Duration span_{};
  bool faulty_ = false;
  bool healed_ = false;
  std::set<Pair> touched_pairs_;
  std::set<lane::FakeNode> touched_nodes_;
};

inline ScenarioResult run_scenario(std::uint64_t seed, bool traced = false) { return Scenario(seed, traced).run(); }

}  // namespace weft::sim
