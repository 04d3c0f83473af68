#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include <weft/actors/inbox.hpp>
#include <weft/actors/local_pushes.hpp>
#include <weft/actors/session_pool.hpp>
#include <weft/actors/submission_ring.hpp>
#include <weft/actors/worker.hpp>
#include <weft/base/log.hpp>
#include <weft/crypto/identity.hpp>
#include <weft/lane/framed.hpp>
#include <weft/memory/landing_pool.hpp>
#include <weft/stream/acceptor.hpp>
#include <weft/stream/dialer.hpp>
#include <weft/transfer/driver.hpp>

namespace weft::actors {

/// How far a call is; written by the loop, read by any thread.
class ProgressCell {
 public:
  struct Value {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
  };
  /// Called on the loop when it has moved; must not block.
  std::function<void(Value value, bool last)> changed{};

  void set(Value value) {
    // Pairs with the acquire in `get`: who sees `done` sees a total that is no smaller.
    total_.store(value.total, std::memory_order_relaxed);
    done_.store(std::min(value.done, value.total), std::memory_order_release);
  }
  Value get() const {
    const std::uint64_t done = done_.load(std::memory_order_acquire);
    return {.done = done, .total = std::max(done, total_.load(std::memory_order_relaxed))};
  }

 private:
  std::atomic<std::uint64_t> done_{0};
  std::atomic<std::uint64_t> total_{0};
};

struct LoopOptions {
  std::shared_ptr<const crypto::Identity> identity{};
  transfer::CoreOptions core{};
  Access access{};
  SessionPool::Options pool{};
  memory::LandingPool::Options landings{};
  std::uint64_t inbox_bytes = 1ull << 30;
  Duration dial_timeout = std::chrono::seconds(5);
  Duration spin = std::chrono::microseconds(20);
  /// How often sockets are asked about while rails are seen in memory.
  Duration ask = std::chrono::microseconds(50);
  std::vector<std::string> listen{};
  /// Lanes for rails, best first, each with what hello says of it.
  std::vector<std::pair<std::unique_ptr<lane::Lane>, wire::LaneOffer>> rails{};
  bool rails_reach_ipv6 = false;  ///< listeners of those over IP are of that family, else of IPv4
  bool tls = true;                ///< bulk may go as placed writes in the session's stream
  /// Whether bulk to this address may travel in clear.
  std::function<bool(const stream::SocketAddress&)> trusted{};
  LogSink log{};
  std::function<void(std::string_view)> on_phase{};
};

/// The function that makes progress for everything one endpoint owns: its core, lanes, listeners, dials, landings and
/// inbox. `turn` runs it once. It has no thread: whoever holds the token runs it, usually the endpoint actor, sometimes
/// a caller who waits for a result (`drive`). Every other member may be called from any thread only where it says so.
class Loop final : public transfer::DriverHost {
 public:
  using Resolve = std::move_only_function<void(transfer::Outcome&&)>;
  /// Shows an offer to the application's function, on its own thread; `decided` must be called in the end.
  using Ask = std::function<void(const Inbox::Ask&)>;

  /// `worker` does what blocks; `names` looks up host names.
  static Result<std::unique_ptr<Loop>> open(LoopOptions options, const transfer::Catalog& catalog, Worker& worker,
                                            Worker& names);
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // ---- any thread ----
  void submit(SubmissionRing::Work work) { ring_.push(std::move(work)); }
  void submit(SubmissionRing::Seat& seat, SubmissionRing::Work work) { ring_.push(seat, std::move(work)); }
  /// Runs the loop until `stop_running`; the endpoint actor's thread.
  void run();
  void stop_running();
  /// When nobody runs it any more: does what was still submitted, and ends every call that is left with ShuttingDown.
  void end();
  /// Makes progress on the calling thread until `ready` or `until`; returns at once where somebody else does so
  /// already.
  void drive(const std::function<bool()>& ready, TimePoint until);
  /// Nobody who drove it lately will do so soon: `run` goes on at once.
  void hand_back();
  const std::vector<std::string>& addresses() const noexcept { return addresses_; }

  // ---- on the loop (from submitted work) ----
  transfer::Core& core() noexcept { return core_; }
  Inbox& inbox() noexcept { return inbox_; }
  SessionPool& pool() noexcept { return pool_; }
  memory::LandingPool& landings() noexcept { return landings_; }
  /// A push to this very node: offered to its own inbox by the rules of those that travel.
  transfer::TransferKey push_here(transfer::PushSpec spec, TimePoint now);
  /// Ends a call early, as the core does; its outcome says why.
  void cancel(transfer::TransferKey transfer, ErrorClass why, TimePoint now);
  /// Registers who hears of a call's end. `cell` may be null.
  void expect(transfer::TransferKey transfer, std::uint64_t cookie, Resolve resolve,
              std::shared_ptr<ProgressCell> cell);
  transfer::TransferKey transfer_of(std::uint64_t cookie) const;
  void learn(const Ticket& ticket);
  void set_ask(Ask ask) { ask_ = std::move(ask); }
  void set_deliver(std::function<void(Inbox::Delivery&&)> deliver) { deliver_ = std::move(deliver); }
  void set_grain(std::function<void(transfer::GrainEvent&&)> grain) { grain_ = std::move(grain); }
  /// Runs work on the loop at that time, or a little later.
  void at(TimePoint time, SubmissionRing::Work work) { timed_.emplace(time, std::move(work)); }
  void set_expired(std::function<void(std::uint64_t)> expired) { expired_ = std::move(expired); }
  void apply(Inbox::Effects&& effects, TimePoint now);
  /// Begins the end: every call ends ShuttingDown, peers are told. `over` is called once everything is closed, at
  /// `until` at the latest; what is left then is dropped without ceremony.
  void shut_down(TimePoint now, TimePoint until, std::move_only_function<void()> over);
  std::string session_address(transfer::SessionKey key) const;

  // transfer::DriverHost
  void need_session(const NodeId& peer) override;
  void take_landing(transfer::TransferKey transfer, std::uint64_t bytes) override;
  void prepare(transfer::Prepare&& prepare) override;
  void offered(transfer::AskOffer&& offer) override;
  void offer_gone(transfer::TransferKey transfer) override;
  void finished(transfer::Outcome&& outcome) override;
  void grain(transfer::GrainEvent&& event) override {
    if (grain_) grain_(std::move(event));
  }
  void session_ended(transfer::SessionKey session, const NodeId& peer, const Error& why) override;
  void step(std::string_view name) override { phase(name); }

 private:
  struct Call {
    transfer::TransferKey transfer{};
    Resolve resolve{};
    std::shared_ptr<ProgressCell> cell{};
  };

  Loop(LoopOptions options, const transfer::Catalog& catalog, Worker& worker, Worker& names, SubmissionRing ring,
       Fd epoll, Fd unseen, std::unique_ptr<lane::FramedLane> framed, stream::Acceptor acceptor, stream::Dialer dialer);
  Result<void> start();
  /// Runs everything once. Whether anything happened.
  bool turn(TimePoint now);
  bool turn_sessions(TimePoint now);
  void block(TimePoint until);
  bool spin(TimePoint& now, TimePoint until);
  int wait_for_descriptors(Duration most);
  void ask_kernel(TimePoint now);
  int heed(int epoll, Duration most);
  void dial(const NodeId& peer, TimePoint now);
  /// Sessions on their way: dialled, or adopted and not up yet.
  std::size_t arriving() const { return dials_.size() + resolving_ + driver_.adopting(); }
  void dial_addresses(const NodeId& peer, std::vector<stream::SocketAddress> addresses, TimePoint now);
  void adopt(std::unique_ptr<stream::TlsPipe> pipe, bool dialled, const stream::SocketAddress& address, TimePoint now);
  void housekeeping(TimePoint now);
  void close_idle(TimePoint now);
  void copy_here(LocalPushes::Copy copy, TimePoint now);
  void end_when_drained(TimePoint now);
  TimePoint next_timer() const;
  void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) const;
  void phase(std::string_view name) const {
    if (options_.on_phase) options_.on_phase(name);
  }

  Inbox inbox_;  // first, so that it goes last: what it calls under way no lane may write any more
  LoopOptions options_;
  Worker* worker_;
  Worker* names_;
  SubmissionRing ring_;
  Fd epoll_;
  Fd unseen_;  // epoll of what a turn that looks at memory does not see
  std::unique_ptr<lane::FramedLane> framed_;
  stream::Acceptor acceptor_;
  stream::Dialer dialer_;
  memory::LandingPool landings_;
  transfer::Core core_;
  transfer::Driver driver_;
  SessionPool pool_;
  LocalPushes local_;
  Ask ask_;
  std::function<void(Inbox::Delivery&&)> deliver_;
  std::function<void(std::uint64_t)> expired_;
  std::function<void(transfer::GrainEvent&&)> grain_;
  std::multimap<TimePoint, SubmissionRing::Work> timed_;
  std::vector<std::string> addresses_;
  std::unordered_map<std::uint64_t, Call> calls_;
  std::map<stream::DialId, NodeId> dials_;
  std::size_t resolving_ = 0;
  std::vector<NodeId> waiting_dials_;  // for room in the pool, or for their back-off
  TimePoint now_{};
  TimePoint next_housekeeping_{};
  TimePoint next_idle_{};
  TimePoint sessions_due_{};
  TimePoint next_ask_{};
  bool sessions_ready_ = true;
  std::move_only_function<void()> over_;  // given while the end is awaited
  TimePoint over_by_ = kNever;
  bool over_now_ = false;  // everything is closed

  std::timed_mutex token_;
  std::atomic<int> drivers_{0};
  std::mutex parked_mutex_;
  std::condition_variable parked_;
  bool handed_back_ = false;
  std::atomic<bool> stopping_{false};
  TimePoint no_spin_until_{};
};

}  // namespace weft::actors
