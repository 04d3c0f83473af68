#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <tests/sim/world.hpp>

namespace weft::sim {

struct GrainResult {
  std::vector<std::string> breaches{};
  std::size_t sends = 0, arrived = 0;
};

/// Targets and initiators of grains under faults, from a seed: rings of random shapes, slow and fast readers, lost
/// rails, sessions and processes, partitions. Whatever happens:
///   - each send that was taken ends exactly once;
///   - one that ended well was delivered exactly once, whole, in the order of its feed; one that ended badly without
///     may_have_arrived was not delivered;
///   - a slot does not change between its delivery and its release;
///   - nothing lands in a ring that was closed;
///   - after healing everything flows again.
class GrainScenario {
 public:
  /// Which rails its nodes have: of any kind, or all of them such as carry messages, so that credits ride them.
  enum class Rails : std::uint8_t { kAny, kWithMessages };
  GrainScenario(std::uint64_t seed, bool traced, Rails rails = Rails::kAny);
  GrainResult run();

 private:
  struct TargetSide {
    std::size_t number = 0, node = 0;
    std::uint32_t life = 0;
    transfer::RingToken token{};
    transfer::RingKey key{};
    std::uint32_t grains = 0, slices = 1, initiators = 1;
    std::uint64_t grain_bytes = 0;
    std::byte* memory = nullptr;
    std::byte* headers = nullptr;
    Duration reads_after{};
    bool closed = true;
    std::map<std::uint32_t, std::uint64_t> held{};  // slot → leaf of what lies there
  };
  struct Send {
    std::size_t feed = 0;
    std::uint64_t index = 0;
    std::uint32_t first = 0, last = 0;
    std::vector<std::byte> bytes{};
    std::vector<lane::Gather> parts{};
    int ends = 0;
    bool ok = false, may_have = false;
    int deliveries = 0;
  };
  struct Feed {
    std::size_t node = 0, target = 0;
    std::uint32_t life = 0;
    transfer::TransferKey key{};
    bool open = false, up = false;
    std::uint64_t next_index = 0;
    std::map<std::uint64_t, std::uint64_t> by_index{};  // index → the newest send of it
    std::uint64_t last_delivered = 0;                   // index + 1
  };

  void build();
  std::vector<Lane> draw_rails();
  void open_target(TargetSide& target);
  void close_target(TargetSide& target);
  void open_feed(std::size_t feed);
  void pump(std::size_t feed);
  void trickle(std::size_t feed);
  void lose_rails();
  void send_one(std::size_t feed);
  void on_event(std::size_t node, const transfer::GrainEvent& event);
  void arrived(std::size_t node, const transfer::GrainArrived& event);
  void release(std::size_t target, std::uint32_t slot);
  void fault();
  void kill(std::size_t node);
  void revive(std::size_t node);
  void heal();
  void expect(bool holds, const std::string& what) {
    if (!holds) world_.ledger().breach(what);
  }
  std::uint64_t below(std::uint64_t bound) { return world_.random().below(bound); }
  bool chance(double probability) { return world_.random().chance(probability); }
  Duration up_to(Duration most) {
    return Duration{static_cast<std::int64_t>(below(static_cast<std::uint64_t>(most.count()) + 1))};
  }
  bool usable(std::size_t node) {
    return world_.node(node).alive() && !world_.network().is_stopped(world_.node(node).number());
  }

  World world_;
  Rails rails_;
  std::deque<TargetSide> targets_;
  std::deque<Feed> feeds_;
  std::deque<Send> sends_;  // cookie = place + 1
  bool healed_ = false;
  TimePoint trickles_until_{};
};

}  // namespace weft::sim
