#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <weft/base/clock.hpp>
#include <weft/base/ids.hpp>
#include <weft/transfer/types.hpp>

namespace weft::actors {

/// Pushes of peers on their way to the application: which offers to accept, what has arrived, who waits for what. State
/// with plain methods that return effects; the endpoint's loop owns it. Pushes are accepted only for patterns that the
/// application receives, within a budget of bytes; others are held, without bytes, by the core.
class Inbox {
 public:
  struct Arrived {
    transfer::Received received{};
    std::byte* into = nullptr;  ///< where it lies, when the application chose
  };
  /// A `receive` that waits.
  struct Waiter {
    std::uint64_t cookie = 0;
    std::string pattern{};
    TimePoint deadline = kNever;
  };
  struct Delivery {
    std::uint64_t cookie = 0;
    Arrived arrived{};
  };
  /// Shows an offer to an application's function.
  struct Ask {
    transfer::AskOffer offer{};
    std::uint64_t handler = 0;
  };
  struct Effects {
    std::vector<std::pair<transfer::TransferKey, transfer::Decision>> decisions{};
    std::vector<Ask> asks{};
    std::vector<Delivery> deliveries{};
    std::vector<std::uint64_t> expired{};
  };

  explicit Inbox(std::uint64_t budget_bytes) : budget_(budget_bytes) {}

  void offered(transfer::AskOffer offer, Effects& effects);
  void offer_gone(transfer::TransferKey transfer);
  /// The application's function has decided.
  void decided(transfer::TransferKey transfer, transfer::Decision decision, Effects& effects);
  void arrived(transfer::TransferKey transfer, transfer::Received received, Effects& effects);
  /// What was delivered, and not taken: it is first again.
  void put_back(Arrived arrived, Effects& effects);
  void failed(transfer::TransferKey transfer, Effects& effects);
  void receive(Waiter waiter, Effects& effects);
  std::optional<Arrived> try_receive(std::string_view pattern, Effects& effects);
  /// Whether it waited still.
  bool cancel(std::uint64_t cookie);
  void add_handler(std::uint64_t id, std::string pattern, Effects& effects);
  void remove_handler(std::uint64_t id);
  void expire(TimePoint now, Effects& effects);
  TimePoint next_deadline() const;
  std::size_t size() const noexcept { return arrived_.size(); }
  std::vector<std::uint64_t> waiting() const;

 private:
  struct Moving {
    transfer::TransferKey transfer{};
    std::uint64_t bytes = 0;
    std::byte* into = nullptr;
  };
  bool wanted(const std::string& name) const;
  void consider(Effects& effects);
  void listen_for(std::string_view pattern);
  void hand_out(Effects& effects);

  std::uint64_t budget_;
  std::uint64_t used_ = 0;  // arrived and moving
  std::vector<std::string> patterns_;
  std::vector<std::pair<std::uint64_t, std::string>> handlers_;
  std::deque<transfer::AskOffer> held_;
  std::vector<Moving> asking_;  // shown to a handler
  std::vector<Moving> moving_;
  std::deque<Arrived> arrived_;
  std::deque<Waiter> waiters_;
};

}  // namespace weft::actors
