#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <weft/lane/fake.hpp>
#include <weft/transfer/core.hpp>
#include <weft/transfer/driver.hpp>

#include <tests/sim/content.hpp>
#include <tests/sim/ledger.hpp>
#include <tests/sim/memory.hpp>

namespace weft::sim {

class World;

struct SimNodeOptions {
  std::vector<Lane> rails{Lane::kTcp};  ///< the rail lanes it has beside its stream
  bool never_full = false;
  unsigned refuses_every = 0;
  bool reads_at_post = false;
  bool finishes_on_arrival = false;
  bool virtual_addresses = false;
  bool rail_messages = true;        ///< whether its verbs carries messages,
  bool peers_take_messages = true;  ///< and whether any of them is ever taken
  std::uint64_t locked_bytes = 0;   ///< registered at a time on lanes that register, then ResourceExhausted; 0: any
  std::uint64_t landing_bytes = 0;  ///< leased at a time, then ResourceExhausted; 0: any number
  std::uint32_t staging_buffers = 64;
};

/// How a node's application behaves; may be changed at any time.
struct Manners {
  Duration landing_delay{};  ///< up to, for each of these
  Duration prepare_delay{};
  Duration decision_delay{};
  Duration keeps_landings{};
  double refuses = 0;  ///< of offers
  double holds = 0;    ///< until `release_offers`
  double brings_memory = 0;
  double prepare_fails = 0;
  double loses_receipts = 0;  ///< its sessions break just after a delivery: its sender must not deliver again
};

/// One process of the simulation: a core, its driver, its lanes, a catalog, and an application that answers what the
/// core asks. It can die and start again with a new incarnation. One thread, as its world.
class SimNode final : public transfer::DriverHost {
 public:
  SimNode(World& world, lane::FakeNode number, SimNodeOptions options);
  ~SimNode() override;

  lane::FakeNode number() const noexcept { return number_; }
  const NodeId& id() const noexcept { return id_; }
  const Incarnation& incarnation() const noexcept { return incarnation_; }
  bool alive() const noexcept { return core_ != nullptr; }
  std::uint32_t life() const noexcept { return life_; }
  transfer::Core& core() noexcept { return *core_; }
  transfer::Driver& driver() noexcept { return *driver_; }
  lane::FakeLane& stream() noexcept { return *stream_; }
  const std::vector<std::unique_ptr<lane::FakeLane>>& rail_lanes() const noexcept { return rail_lanes_; }
  std::vector<wire::LaneOffer> offers() const;
  Manners& manners() noexcept { return manners_; }
  /// Whether its landings may be refused; until `enrich` says that there is memory again.
  bool poor() const noexcept { return options_.landing_bytes != 0; }
  void enrich() noexcept { options_.landing_bytes = 0; }

  void start();
  /// Nothing of it is left; peers hear of it after that time, or never.
  void die(std::optional<Duration> peers_hear);
  /// Something outside of `turn` used the core.
  void poke() noexcept { poked_ = true; }
  TimePoint next_due() const;
  bool turn(TimePoint now);

  Generation publish(const std::vector<Content>& contents);
  void remove(const std::string& name);
  /// Drops what a name stands for, transfers that read it included.
  void end_loan(const std::string& name);
  /// What the catalog holds now: name → (index, generation).
  const std::map<std::string, transfer::EntryRef>& served() const noexcept { return served_; }

  Call& pull(transfer::PullSpec spec, std::vector<std::string> names, std::uint64_t most_bytes);
  Call& list(transfer::ListSpec spec);
  Call& push(transfer::PushSpec spec, const Content& content);
  Call& ping(transfer::PingSpec spec);
  void cancel(Call& call);
  std::byte* caller_memory(std::size_t size) { return caller_memory_.add(size); }
  CallerMemory& memory() noexcept { return caller_memory_; }
  void release_offers();
  void drop_landings() { kept_.clear(); }

  // DriverHost
  void need_session(const NodeId& peer) override;
  void take_landing(transfer::TransferKey transfer, std::uint64_t bytes) override;
  void prepare(transfer::Prepare&& prepare) override;
  void offered(transfer::AskOffer&& offer) override;
  void offer_gone(transfer::TransferKey transfer) override;
  void finished(transfer::Outcome&& outcome) override;
  void session_ended(transfer::SessionKey session, const NodeId& peer, const Error& why) override;

  void grain(transfer::GrainEvent&& event) override {
    if (on_grain) on_grain(event);
  }

  // Grains: told as they come, and when a feed is over (its outcome's cookie has this bit).
  static constexpr std::uint64_t kFeedCookie = std::uint64_t{1} << 63;
  std::function<void(const transfer::GrainEvent&)> on_grain{};
  std::function<void(const transfer::Outcome&)> on_feed_over{};

  // What the last outcomes were, for tests that look closer than the ledger.
  transfer::Outcome last{};

 private:
  Call& open(Call::Kind kind, const NodeId& peer, const transfer::Bound& bound);
  void break_sessions();
  void give_landing(transfer::TransferKey transfer, std::uint64_t bytes);
  void decide(transfer::TransferKey transfer, std::uint64_t bytes);
  void note_snapshot();
  /// Runs `action` after up to `delay`, unless the node died meanwhile; at once for none.
  void later(Duration delay, std::function<void()> action);

  World& world_;
  lane::FakeNode number_;
  SimNodeOptions options_;
  Manners manners_{};
  NodeId id_{};
  Incarnation incarnation_{};
  std::uint32_t life_ = 0;
  bool poked_ = false;
  CallerMemory caller_memory_;
  std::vector<std::shared_ptr<Loan>> loans_;
  std::map<std::string, transfer::EntryRef> served_;
  std::map<std::uint64_t, std::uint64_t> held_;  // offers: transfer → bytes
  std::map<std::uint64_t, std::byte*> accepted_into_;
  std::uint64_t next_kept_ = 0;
  std::map<std::uint64_t, memory::Landing> kept_;

  std::unique_ptr<transfer::Catalog> catalog_;
  std::unique_ptr<lane::FakeLane> stream_;
  std::vector<std::unique_ptr<lane::FakeLane>> rail_lanes_;
  std::unique_ptr<transfer::Core> core_;
  std::unique_ptr<transfer::Driver> driver_;
};

}  // namespace weft::sim
