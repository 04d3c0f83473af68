#include <utility>
#include <variant>

#include <weft/nodes/grain_states.hpp>
#include <weft/nodes/node_state.hpp>

/// What a node does for its targets and initiators.
namespace weft::detail {

Result<Target> NodeState::open_target(TargetOptions options) {
  if (is_stopped()) return fail(stopped());
  WEFT_LET(auto state, TargetState::open(shared_from_this(), std::move(options)));
  return Target(std::move(state));
}

Result<Initiator> NodeState::open_initiator(InitiatorOptions options) {
  if (is_stopped()) return fail(stopped());
  WEFT_LET(auto state, InitiatorState::open(shared_from_this(), std::move(options)));
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return fail(stopped());
    std::erase_if(opened_initiators_, [](const auto& opened) { return opened.expired(); });
    opened_initiators_.push_back(state);
  }
  return Initiator(std::move(state));
}

/// On the loop, when nothing writes or reads grains any more: who waits for some has waited long enough.
void NodeState::end_grains() {
  for (const auto& [ring, target] : std::exchange(targets_, {})) target->on_closed(*this);
  std::vector<std::weak_ptr<InitiatorState>> initiators;
  {
    const std::lock_guard lock(mutex_);
    initiators.swap(opened_initiators_);
  }
  for (const auto& opened : initiators)
    if (const auto initiator = opened.lock()) initiator->on_stopped(*this);
}

Result<transfer::RingToken> NodeState::ring_token(std::string_view ring) const {
  return identity_->derive("weft ring of grains: " + std::string(ring));
}

Result<void> NodeState::open_ring(const std::shared_ptr<TargetState>& target, transfer::RingSpec spec) {
  const auto opened = std::make_shared<Result<void>>(fail(stopped()));
  const bool ran = on_loop([this, opened, target, spec = std::move(spec)](actors::Loop& loop, TimePoint) mutable {
    const auto ring = loop.core().open_ring(std::move(spec));
    if (!ring) {
      *opened = std::unexpected(ring.error());
      return;
    }
    targets_[ring->value] = target;
    target->on_opened(*ring);
    *opened = {};
  });
  if (!ran) return fail(ErrorClass::kDeadlineExceeded, "open_target", "the node's loop did not answer");
  return *opened;
}

transfer::TransferKey NodeState::open_feed(const TargetInfo& info, Lane lane, TimePoint until,
                                           const std::shared_ptr<InitiatorState>& initiator,
                                           std::function<void(const Error&, TimePoint)> over) {
  if (info.ticket.node != id()) loop_->learn(info.ticket);
  const std::uint64_t cookie = next_cookie_.fetch_add(1, std::memory_order_relaxed);
  const auto feed = loop_->core().open_feed({.peer = info.ticket.node,
                                             .token = info.token,
                                             .grains = info.grains,
                                             .slices = info.slices,
                                             .grain_bytes = info.grain_bytes,
                                             .bound = {.explicit_end = until},
                                             .lane = lane,
                                             .cookie = cookie},
                                            Clock::now());
  initiators_[feed.value] = initiator;
  loop_->expect(
      feed, cookie,
      [this, feed, over = std::move(over)](transfer::Outcome&& outcome) {
        initiators_.erase(feed.value);
        const auto* why = std::get_if<Error>(&outcome.result);
        over(why != nullptr ? *why : Error(ErrorClass::kInternal, "grains", "ended without a reason"), Clock::now());
      },
      nullptr);
  return feed;
}

void NodeState::on_grain(transfer::GrainEvent&& event) {
  struct Route {
    NodeState& node;
    TargetState* target(transfer::RingKey ring) const {
      const auto found = node.targets_.find(ring.value);
      return found == node.targets_.end() ? nullptr : found->second.get();
    }
    void operator()(std::monostate) const {}
    void operator()(const transfer::GrainArrived& e) const {
      if (TargetState* to = target(e.ring)) to->on_arrived(e);
    }
    void operator()(const transfer::InitiatorJoined& e) const {
      if (TargetState* to = target(e.ring)) to->on_joined();
    }
    void operator()(const transfer::InitiatorLeft& e) const {
      if (TargetState* to = target(e.ring)) to->on_left();
    }
    void operator()(const transfer::GrainRingClosed& e) const {
      const auto found = node.targets_.find(e.ring.value);
      if (found == node.targets_.end()) return;
      const auto closed = std::move(found->second);
      node.targets_.erase(found);
      closed->on_closed(node);
    }
    void operator()(const transfer::FeedUp& e) const {
      if (const auto found = node.initiators_.find(e.feed.value); found != node.initiators_.end())
        found->second->on_up(e.feed);
    }
    void operator()(transfer::GrainEnded& e) const {
      if (const auto found = node.initiators_.find(e.feed.value); found != node.initiators_.end())
        found->second->on_ended(std::move(e));
    }
  };
  std::visit(Route{*this}, event);
}

}  // namespace weft::detail

namespace weft {

Result<Target> TensorNode::open_target(TargetOptions options) { return state_->open_target(std::move(options)); }
Result<Initiator> TensorNode::open_initiator(InitiatorOptions options) {
  return state_->open_initiator(std::move(options));
}

}  // namespace weft
