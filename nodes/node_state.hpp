#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <weft/actors/loop.hpp>
#include <weft/actors/supervisor.hpp>
#include <weft/nodes/future.hpp>
#include <weft/nodes/grain_states.hpp>
#include <weft/nodes/lane_rates.hpp>
#include <weft/nodes/options.hpp>
#include <weft/nodes/plan.hpp>
#include <weft/nodes/tensor.hpp>
#include <weft/nodes/tensor_node.hpp>
#include <weft/transfer/catalog.hpp>

namespace weft::detail {

struct Batch;

/// An application's on_offer function, and what it has set going. Any thread.
class OfferFunction {
 public:
  using Choose = std::move_only_function<Result<MutableTensorView>(const Offer&)>;
  explicit OfferFunction(Choose choose) : choose_(std::move(choose)) {}

  /// Shows it an offer and gives its word to `decide`, none when it has ended already; what it throws, `log` hears.
  /// `decide` has been called when a later `end` returns.
  static void show(const std::shared_ptr<OfferFunction>& self, const transfer::AskOffer& offer, const LogSink& log,
                   const std::function<void(std::optional<transfer::Decision>, actors::Inbox::Placing)>& decide);
  /// No call of the function begins any more, and none runs but on this very thread.
  void end();
  /// Until no write can reach memory that it chose.
  void wait_for_writes();

 private:
  transfer::Decision ask(const transfer::AskOffer& offer, const LogSink& log);

  std::mutex mutex_;
  std::condition_variable changed_;
  Choose choose_;
  std::thread::id running_{};
  std::size_t placing_ = 0;
  bool ended_ = false;
};

/// What is behind a TensorNode. Shared by its futures, weakly; every member may be called from any thread.
class NodeState final : public CallOwner, public std::enable_shared_from_this<NodeState> {
 public:
  static Result<std::shared_ptr<NodeState>> start(NodeOptions options);
  ~NodeState() override;

  // CallOwner
  void cancel(std::uint64_t cookie) override;
  void ask_cancel(std::uint64_t cookie) override;
  Progress progress(std::uint64_t cookie) override;
  void drive(const std::function<bool()>& ready, TimePoint until) override;
  void run(std::move_only_function<void()> callback) override;

  // calls.cpp
  Future<Tensor> get(const Peer& peer, transfer::PullSpec spec, MutableTensorView into, ProgressFn on_progress);
  Future<std::vector<Result<Tensor>>> get_many(const Peer& peer, Batch batch, ProgressFn on_progress);
  Future<std::vector<Entry>> list(const Peer& peer, std::string pattern, Deadline deadline);
  Future<Receipt> push(const Peer& peer, std::string name, const TensorView& view, PushOptions options);
  Future<PingReport> ping(const Peer& peer, Deadline deadline);
  Future<Plan> explain(const Peer& peer, std::string name, Deadline deadline);

  // local.cpp: what this node asks of itself
  Result<Tensor> get_local(const transfer::EntryRef& entry, const transfer::PartSpec* part, const transfer::Into* into,
                           const MutableTensorView& view);
  std::vector<Result<Tensor>> get_many_local(const transfer::PullSpec& spec,
                                             const std::vector<MutableTensorView>& into);

  // publish.cpp
  Result<Generation> put(std::string name, const TensorView& view, KeepAlive keep_alive);
  Result<Generation> put_many(std::vector<PutItem> items);
  Result<Loan> lend(std::string name, const TensorView& view);
  Result<std::size_t> serve(const std::filesystem::path& path, const ServeOptions& options);
  Result<void> remove(std::string_view name);
  void end_loan(const transfer::EntryRef& entry);
  void look_at_catalog();

  // receive.cpp
  Future<Tensor> receive(std::string pattern, Deadline deadline);
  std::optional<Tensor> try_receive(std::string_view pattern);
  Result<Handler> on_offer(std::string pattern, OfferFunction::Choose choose);
  void remove_handler(std::uint64_t id);

  // grains.cpp
  Result<Target> open_target(TargetOptions options);
  Result<Initiator> open_initiator(InitiatorOptions options);
  Result<transfer::RingToken> ring_token(std::string_view ring) const;
  Result<void> open_ring(const std::shared_ptr<TargetState>& target, transfer::RingSpec spec);
  /// On the loop: joins a ring; `over` is called, on the loop, when that has ended.
  transfer::TransferKey open_feed(const TargetInfo& info, Lane lane, TimePoint until,
                                  const std::shared_ptr<InitiatorState>& initiator,
                                  std::function<void(const Error&, TimePoint)> over);
  void submit(actors::SubmissionRing::Work work) { loop_->submit(std::move(work)); }
  void submit(actors::SubmissionRing::Seat& seat, actors::SubmissionRing::Work work) {
    loop_->submit(seat, std::move(work));
  }
  /// On the loop.
  transfer::Core& core() noexcept { return loop_->core(); }
  actors::SessionPool& pool() noexcept { return loop_->pool(); }
  void at(TimePoint time, actors::SubmissionRing::Work work) { loop_->at(time, std::move(work)); }

  /// Drops the last hold on memory of the application's where that holds up nobody.
  void let_go(KeepAlive memory);

  static Error stopped() { return {ErrorClass::kShuttingDown, "call", "this node is stopped (not started)"}; }
  bool is_stopped() const noexcept { return stopped_.load(std::memory_order_acquire); }

  Ticket ticket() const;
  NodeId id() const { return identity_->node_id(); }
  std::vector<LaneReport> lanes() const;
  NodeStats stats();
  Future<void> stop(Deadline deadline);
  int event_fd() const { return manual_fd_.get(); }
  std::size_t run_callbacks();

 private:
  struct Gate {
    std::mutex mutex{};
    std::condition_variable changed{};
    bool over = false;
    std::shared_ptr<actors::ProgressCell> cell{};
    TimePoint started{};
  };

  explicit NodeState(NodeOptions options) : options_(std::move(options)) {}
  /// Where the last reference goes on a thread of the node's own, another thread must end it.
  static void destroy(NodeState* node);
  static Progress progress_of(const Gate& gate, const actors::ProgressCell::Value& value);
  Result<void> open();
  Result<void> open_lanes(actors::LoopOptions& loop);
  LaneReport open_verbs(actors::LoopOptions& loop, bool wanted);
  bool is_self(const Ticket& ticket) const { return ticket.node == id(); }

  /// Opens a call: its future, and what `begin` must be given to the loop with. `begin(core, now)` runs on the loop and
  /// returns the transfer; `convert(outcome)` makes its result.
  template <class T, class Begin, class Convert>
  Future<T> call(const Ticket& ticket, ProgressFn on_progress, Begin begin, Convert convert);
  std::shared_ptr<Gate> open_gate(std::uint64_t cookie, ProgressFn on_progress);
  void close_gate(std::uint64_t cookie);
  /// Resolves a receive that still waits. On the loop.
  void end_receive(std::uint64_t cookie, Error why);
  /// Runs on the loop and waits for it, also when the node is stopped. False: it did not run, and will not.
  bool on_loop(std::move_only_function<void(actors::Loop&, TimePoint)> work);
  void show_offer(const actors::Inbox::Ask& ask);
  void note_rate(const transfer::Pulled& pulled, TimePoint started);
  void fill_plan(Plan& plan, const transfer::SessionInfo& info) const;
  void deliver(actors::Inbox::Delivery&& delivery);
  void on_grain(transfer::GrainEvent&& event);
  void take_back(Tensor tensor, std::uint64_t order);
  void end_receivers();
  void end_grains();
  void end_stop();
  Tensor tensor_of(actors::Inbox::Arrived&& arrived);

  NodeOptions options_;
  std::shared_ptr<const crypto::Identity> identity_;
  transfer::Catalog catalog_;
  std::unique_ptr<actors::Supervisor> supervisor_;
  std::unique_ptr<actors::Loop> loop_;
  std::vector<LaneReport> lane_reports_;
  LaneRates rates_;
  Incarnation incarnation_{};
  std::string host_name_;

  std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Gate>> gates_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Shared<Tensor>>> receivers_;
  std::unordered_map<std::uint64_t, std::shared_ptr<OfferFunction>> handlers_;
  std::vector<std::weak_ptr<InitiatorState>> opened_initiators_;
  std::vector<std::shared_ptr<Shared<void>>> stoppers_;  // who waits for the end
  bool ended_ = false;
  std::atomic<std::uint64_t> next_cookie_{1};
  std::atomic<bool> stopped_{false};
  bool running_ = false;

  std::unordered_map<std::uint64_t, std::shared_ptr<TargetState>> targets_;        // on the loop, by ring
  std::unordered_map<std::uint64_t, std::shared_ptr<InitiatorState>> initiators_;  // on the loop, by feed

  std::mutex manual_mutex_;
  std::vector<std::move_only_function<void()>> manual_;
  std::vector<std::move_only_function<void()>> manual_spare_;  // memory for the next of them
  Fd manual_fd_;
};

struct LoanState {
  std::weak_ptr<NodeState> node{};
  transfer::EntryRef entry{};
  Generation generation{};
  struct Reading {
    std::mutex mutex{};
    std::condition_variable changed{};
    bool over = false;
  };
  std::shared_ptr<Reading> reading{};
};

struct HandlerState {
  std::weak_ptr<NodeState> node{};
  std::uint64_t id = 0;
  std::shared_ptr<OfferFunction> function{};
};

/// A name that may be published. InvalidArgument else.
Result<void> check_name(std::string_view name);

template <class T, class Begin, class Convert>
Future<T> NodeState::call(const Ticket& ticket, ProgressFn on_progress, Begin begin, Convert convert) {
  if (is_stopped()) return Future<T>::failed(stopped());
  const std::uint64_t cookie = next_cookie_.fetch_add(1, std::memory_order_relaxed);
  auto shared = std::make_shared<Shared<T>>();
  shared->owner = weak_from_this();
  shared->cookie = cookie;
  const auto gate = open_gate(cookie, std::move(on_progress));
  loop_->submit([this, cookie, ticket, shared, gate, begin = std::move(begin),
                 convert = std::move(convert)](TimePoint now) mutable {
    loop_->learn(ticket);
    const transfer::TransferKey key = begin(loop_->core(), cookie, now);
    {
      const std::lock_guard lock(shared->mutex);
      shared->id = loop_->core().id(key);
    }
    loop_->expect(
        key, cookie,
        [this, shared, gate, cookie, convert = std::move(convert)](transfer::Outcome&& outcome) mutable {
          const Progress last = progress_of(*gate, gate->cell->get());
          if (auto* error = std::get_if<Error>(&outcome.result))
            shared->resolve(fail(std::move(*error)), last);
          else
            shared->resolve(convert(std::move(outcome)), last);
          close_gate(cookie);
        },
        gate->cell);
  });
  return Future<T>(std::move(shared));
}

}  // namespace weft::detail
