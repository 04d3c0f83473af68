#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weft/base/clock.hpp>
#include <weft/base/ids.hpp>
#include <weft/transfer/types.hpp>

namespace weft::actors {

/// Pushes on their way to the application: which offers to accept, what has arrived, who waits for what. State with
/// plain methods that return effects; the endpoint's loop owns it. Pushes are accepted only for patterns that the
/// application receives, within a budget of bytes; others are held, without bytes, by the core.
/// Invariant: of two pushes of one sender that a receive matches, the one that was offered first is delivered first.
class Inbox {
 public:
  /// While it lives, a push may write into memory that an application's function chose.
  using Placing = std::shared_ptr<const void>;

  struct Arrived {
    transfer::Received received{};
    std::byte* into = nullptr;  ///< where it lies, when the application chose
    std::uint64_t order = 0;    ///< among the offers of this node
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
    std::vector<transfer::TransferKey> cancels{};
  };
  static constexpr std::size_t kRecentPatterns = 64;

  explicit Inbox(std::uint64_t budget_bytes) : budget_(budget_bytes) {}

  void offered(transfer::AskOffer offer, Effects& effects);
  void offer_gone(transfer::TransferKey transfer, Effects& effects);
  /// The application's function has decided. `placing` is dropped when no write can reach its memory any more.
  void decided(transfer::TransferKey transfer, transfer::Decision decision, Placing placing, Effects& effects);
  /// The function has ended, and its handler with it: the offer is whoever's receives it now, in its old place.
  void unanswered(Ask ask, Effects& effects);
  /// The function leaves it to the inbox: in its old place, as if no handler matched.
  void left(Ask ask, Effects& effects);
  void arrived(transfer::TransferKey transfer, transfer::Received received, Effects& effects);
  /// What was delivered, and not taken: it has its place in the order again.
  void put_back(Arrived arrived, Effects& effects);
  void failed(transfer::TransferKey transfer, Effects& effects);
  void receive(Waiter waiter, Effects& effects);
  std::optional<Arrived> try_receive(std::string_view pattern, Effects& effects);
  /// Whether it waited still.
  bool cancel(std::uint64_t cookie);
  void add_handler(std::uint64_t id, std::string pattern, Effects& effects);
  /// Cancels what lands where this handler chose.
  void remove_handler(std::uint64_t id, Effects& effects);
  void expire(TimePoint now, Effects& effects);
  TimePoint next_deadline() const;
  std::size_t size() const noexcept { return arrived_.size(); }
  /// Ends every waiter: whose they were.
  std::vector<std::uint64_t> end_waiters();

 private:
  using Handlers = std::vector<std::pair<std::uint64_t, std::string>>;
  struct Held {
    transfer::AskOffer offer{};
    std::uint64_t order = 0;
    bool is_left = false;  ///< by an application's function, which is not asked again
  };
  struct Moving {
    transfer::TransferKey transfer{};
    NodeId from{};
    std::string name{};
    std::uint64_t order = 0;
    std::uint64_t bytes = 0;  // charged to the budget once accepted
    std::uint64_t handler = 0;
    std::byte* into = nullptr;
    Placing placing{};
  };
  static std::uint64_t charge(const Arrived& arrived) {
    return arrived.into != nullptr ? 0 : arrived.received.item.bytes;
  }
  bool wanted(const std::string& name) const;
  Handlers::const_iterator handler_of(const Held& held) const;
  /// What was asked about that transfer, which is asked no more. None: it has ended meanwhile.
  std::optional<Moving> take_asked(transfer::TransferKey transfer);
  bool fits(const Held& held, Effects& effects) const;
  void hold_again(Held held, Effects& effects);
  void consider(Effects& effects);
  void remember(std::string pattern);
  void insert(Arrived arrived);
  bool is_preceded(const Arrived& arrived, std::string_view pattern) const;
  std::deque<Arrived>::iterator first_for(std::string_view pattern);
  Arrived take(const std::deque<Arrived>::iterator& place);
  void hand_out(Effects& effects);

  std::uint64_t budget_;
  std::uint64_t used_ = 0;  // arrived and moving
  std::uint64_t next_order_ = 1;
  std::deque<std::string> recent_;  // received, the last one first
  Handlers handlers_;
  std::deque<Held> held_;
  std::vector<Moving> asking_;  // shown to a handler
  std::vector<Moving> moving_;
  std::deque<Arrived> arrived_;  // in the order of their offers
  std::deque<Waiter> waiters_;
};

}  // namespace weft::actors
