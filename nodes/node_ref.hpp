#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <weft/base/result.hpp>
#include <weft/nodes/grains.hpp>
#include <weft/nodes/pool_report.hpp>
#include <weft/nodes/tensor_node.hpp>

namespace weft::detail {

class NodeState;
class TargetState;
class InitiatorState;

/// A node as weft::actors holds it: without keeping it alive, and with what TensorNode does not offer. Nothing here
/// waits. Any thread.
class NodeRef {
 public:
  /// Called once: on the loop, or at once with ShuttingDown. It must return at once.
  template <class T>
  using Answer = std::move_only_function<void(Result<T>)>;

  /// Keeps the node for a call of its members. Its end does not stop the node.
  class Held {
   public:
    explicit Held(std::shared_ptr<NodeState> state) : node_(std::move(state)) {}
    Held(Held&&) noexcept = default;
    Held& operator=(Held&&) = delete;
    ~Held() { const auto released = std::move(node_.state_); }
    TensorNode& operator*() noexcept { return node_; }
    TensorNode* operator->() noexcept { return &node_; }

   private:
    TensorNode node_;
  };

  explicit NodeRef(const TensorNode& node) : state_(node.state_) {}
  /// ShuttingDown: the node is gone. One that is stopped and still there says so itself.
  Result<Held> lock() const;

  /// Ends a call early; its result says so in its time.
  void cancel(std::uint64_t cookie) const;
  /// Drops a hold on memory of the application's where that holds up nobody.
  void let_go(KeepAlive memory) const;
  void peers(Answer<std::vector<PoolPeer>> answer) const;
  void sessions(Answer<std::vector<PoolSession>> answer) const;
  void pool_metrics(Answer<PoolMetrics> answer) const;
  /// Closes the session with a peer. How many there were.
  void drop(const NodeId& peer, Answer<std::size_t> answer) const;

  /// What is behind a target or an initiator: its end does not wait, and closes nothing.
  static std::shared_ptr<TargetState> state_of(Target&& target) { return std::move(target.state_); }
  static std::shared_ptr<InitiatorState> state_of(Initiator&& initiator) { return std::move(initiator.state_); }

 private:
  template <class T, class Ask>
  void ask(Answer<T> answer, Ask ask) const;

  std::weak_ptr<NodeState> state_;
};

}  // namespace weft::detail
