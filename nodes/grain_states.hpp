#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <weft/actors/submission_ring.hpp>
#include <weft/nodes/callback_gate.hpp>
#include <weft/nodes/grains.hpp>
#include <weft/nodes/signal_fd.hpp>
#include <weft/nodes/wait_line.hpp>
#include <weft/transfer/core.hpp>
#include <weft/transfer/ring.hpp>

/// What is behind a Target and an Initiator. Members named on_… run on the node's loop; all others on any thread.
namespace weft::detail {

class NodeState;

/// Of a wait for grains or for results.
inline TimePoint until_of(Deadline deadline) {
  const TimePoint begun = Clock::now();
  return deadline.resolve(begun).value_or(begun + std::chrono::seconds(30));
}

class TargetState final : public WaitLine<Grain>, public std::enable_shared_from_this<TargetState> {
 public:
  static Result<std::shared_ptr<TargetState>> open(const std::shared_ptr<NodeState>& node, TargetOptions options);
  ~TargetState() override;
  TargetState(const TargetState&) = delete;
  TargetState& operator=(const TargetState&) = delete;

  const TargetInfo& info() const noexcept { return info_; }
  std::optional<Grain> try_read();
  Result<Grain> read(Deadline deadline);
  Result<void> release(std::uint32_t slot);
  int event_fd() const {
    const std::lock_guard lock(mutex_);
    return signal_.descriptor();
  }
  TargetStats stats() const;
  void close();
  /// `close` without the wait: `wake` is called when it is over.
  void begin_close();
  /// Nothing writes the slots any more, or the node is gone.
  bool is_closed() const;
  bool has_function() const noexcept { return options_.on_grain != nullptr; }
  /// Called, on the loop mostly, when a grain waits where none did, and when the target has been closed. It must return
  /// at once. Set once; what waits already is not told.
  void set_wake(std::function<void()> wake);

  void on_opened(transfer::RingKey ring) { ring_ = ring; }
  void on_arrived(const transfer::GrainArrived& grain);
  void on_joined();
  void on_left();
  /// Also of a node that has ended, with what it has left.
  void on_closed(NodeState& node);

 private:
  TargetState(const std::shared_ptr<NodeState>& node, TargetOptions options, TargetInfo info, SignalFd signal);
  Grain grain_of(const transfer::GrainArrived& arrived) const;
  std::optional<Grain> take_next() override;
  bool has_next() const override { return !ready_.empty(); }
  std::optional<Error> over() const override;
  Error late() const override;
  std::shared_ptr<WaitLine> line() override { return shared_from_this(); }
  void woken(std::unique_lock<std::mutex>& lock);
  void on_released(TimePoint now);
  void call_next();

  TargetOptions options_;
  TargetInfo info_;
  mutable SignalFd signal_;
  transfer::RingKey ring_{};

  CallbackGate callbacks_;
  std::condition_variable changed_;
  transfer::Ring<transfer::GrainArrived> ready_;
  std::uint64_t taken_ = 0;                // from the front of `ready_`, since the beginning
  std::vector<std::uint64_t> partial_at_;  // by slot: which of them tells of slices only; 0: none
  std::vector<bool> held_;                 // by slot
  std::vector<std::uint32_t> released_;    // on their way to the loop
  std::vector<std::uint32_t> releasing_;
  actors::SubmissionRing::Seat to_release_;  // while `kicked_`
  transfer::Ring<Grain> to_call_;            // one for each callback that is queued
  std::shared_ptr<const std::function<void()>> wake_;
  bool kicked_ = false;
  bool closed_ = false;
  TargetStats stats_{};
};

class InitiatorState final : public WaitLine<GrainResult>, public std::enable_shared_from_this<InitiatorState> {
 public:
  static Result<std::shared_ptr<InitiatorState>> open(const std::shared_ptr<NodeState>& node, InitiatorOptions options);
  ~InitiatorState() override;
  InitiatorState(const InitiatorState&) = delete;
  InitiatorState& operator=(const InitiatorState&) = delete;

  Result<std::size_t> add_target(const TargetInfo& info);
  Result<void> remove_target(const TargetInfo& info);
  TargetLink link(std::size_t target) const;
  bool was_connected(std::size_t target) const;
  std::optional<Error> why(std::size_t target) const;
  Result<std::size_t> send(std::uint64_t index, std::span<const std::span<const std::byte>> parts,
                           const SendOptions& options);
  std::optional<GrainResult> next_result();
  Result<GrainResult> wait_result(Deadline deadline);
  std::size_t pending() const;
  /// Calls of `send` that were taken.
  std::uint64_t sends() const;
  int event_fd() const {
    const std::lock_guard lock(mutex_);
    return signal_.descriptor();
  }
  void close();
  /// `close` without the wait: `wake` is called when `is_quiet`, nothing reads what was sent.
  void begin_close();
  bool is_quiet() const;
  bool node_has_stopped() const;
  /// The numbers of those that are not removed.
  std::vector<std::size_t> targets() const;
  bool has_function() const noexcept { return options_.on_result != nullptr; }
  /// Called, on the loop mostly, when a result waits where none did, and when a link has come or gone. It must return
  /// at once. Set once.
  void set_wake(std::function<void()> wake);
  /// Lives until nothing reads what was sent.
  void keep(KeepAlive memory);

  void on_up(transfer::TransferKey feed);
  void on_ended(transfer::GrainEnded&& ended);
  /// No more grains end.
  void on_stopped(NodeState& node);

 private:
  struct Link {
    TargetInfo info{};
    transfer::TransferKey feed{};  // on the loop
    TargetLink state = TargetLink::kConnecting;
    std::optional<Error> why{};
    Duration back_off{};
    std::size_t pending = 0;
    bool was_up = false;
    bool proven = false;  // something arrived: the next failure is tried again at once
    bool removed = false;
    bool open = false;  // a feed of it lives, or is about to
  };
  /// A send on its way to the loop.
  struct Queued {
    std::size_t link = 0;
    std::uint64_t number = 0;  // of the call
    transfer::TransferKey feed{};
    std::uint64_t index = 0;
    std::uint32_t first = 0, last = 0;
    std::size_t parts = 0;
    TimePoint deadline = kNever;
  };

  InitiatorState(const std::shared_ptr<NodeState>& node, InitiatorOptions options, SignalFd signal);
  bool reads_nothing() const {
    return std::none_of(links_.begin(), links_.end(), [](const Link& link) { return link.open && link.feed; });
  }
  void on_open_link(std::size_t link, TimePoint now);
  void on_feed_over(std::size_t link, const Error& why, TimePoint now);
  void on_send(TimePoint now);
  void woken(std::unique_lock<std::mutex>& lock);
  std::optional<GrainResult> take_next() override;
  bool has_next() const override { return !results_.empty(); }
  std::optional<Error> over() const override;
  Error late() const override;
  std::shared_ptr<WaitLine> line() override { return shared_from_this(); }
  void told(std::unique_lock<std::mutex>& lock, GrainResult result);
  void call_next();

  InitiatorOptions options_;
  mutable SignalFd signal_;

  CallbackGate callbacks_;
  std::condition_variable changed_;
  std::deque<Link> links_;
  std::map<std::uint64_t, std::size_t> by_feed_;  // on the loop
  std::vector<Queued> queued_, sending_;
  std::vector<lane::Gather> parts_, sending_parts_;
  actors::SubmissionRing::Seat to_send_;  // while `kicked_`
  transfer::Ring<GrainResult> results_;
  transfer::Ring<GrainResult> to_call_;  // one for each callback that is queued
  std::uint64_t sends_ = 0;              // taken
  std::shared_ptr<const std::function<void()>> wake_;
  KeepAlive kept_{};
  bool kicked_ = false;
  bool closed_ = false;
};

}  // namespace weft::detail
