#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tests/sim/world.hpp>

namespace weft::sim {

struct ExchangeResult {
  std::vector<std::string> breaches{};
  std::size_t calls = 0;
  std::uint64_t by_rail = 0;  ///< messages of theirs that went over rails
};

/// Small pulls and pushes between two nodes whose rails carry messages and are lost again and again, at both ends or at
/// one first, from a seed; the stream is never lost. A message of a rail comes before or after what the stream says.
/// Large pulls bring rails up. Some calls are cancelled, some pushes refused or held. Whatever happens:
///   - a call that nobody cancelled or refused succeeds, and soon: no message waits for one that was lost;
///   - what the ledger holds: each call ends once, each push is delivered once, or not where its end says so;
///   - nothing is left afterwards.
class ExchangeScenario {
 public:
  ExchangeScenario(std::uint64_t seed, bool traced);
  ExchangeResult run();

 private:
  void build();
  void call();
  void lose_rails();
  std::uint64_t below(std::uint64_t bound) { return world_.random().below(bound); }
  bool chance(double probability) { return world_.random().chance(probability); }
  Duration up_to(Duration most) {
    return Duration{static_cast<std::int64_t>(below(static_cast<std::uint64_t>(most.count()) + 1))};
  }

  World world_;
  std::vector<TensorKind> kinds_;  // the last one is large
  bool refuses_ = false;
};

}  // namespace weft::sim
