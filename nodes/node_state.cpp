#include <weft/nodes/node_state.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <thread>

#include <fmt/format.h>

#include <weft/actors/guarded.hpp>
#include <weft/crypto/random.hpp>
#include <weft/nodes/trust.hpp>
#include <weft/stream/address.hpp>

/// Start, lanes, stop: the life of a node.
namespace weft::detail {
namespace {

/// The kernel's id of this boot: equal for two processes exactly when they may share memory.
HostId host_id() {
  HostId id;
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  std::getline(file, text);
  std::erase(text, '-');
  for (std::size_t i = 0; i < id.bytes.size() && 2 * i + 1 < text.size(); ++i)
    id.bytes[i] = static_cast<std::byte>(std::stoul(text.substr(2 * i, 2), nullptr, 16));
  return id;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string("host");
}

std::uint64_t ram_bytes() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page = ::sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page) : 4ull << 30;
}

std::int64_t wall_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::uint64_t live_sessions(const transfer::Core& core) {
  const auto all = core.sessions();
  return static_cast<std::uint64_t>(
      std::count_if(all.begin(), all.end(), [](const auto& session) { return !session.closing; }));
}

}  // namespace

Result<std::shared_ptr<NodeState>> NodeState::start(NodeOptions options) {
  std::shared_ptr<NodeState> node(new NodeState(std::move(options)), &NodeState::destroy);
  WEFT_TRY(node->open());
  return node;
}

Result<void> NodeState::open() {
  if (options_.listen.empty()) options_.listen = {"127.0.0.1:0"};
  for (std::string& text : options_.listen) {
    text = listen_address(text);
    WEFT_LET(const auto address, stream::Address::parse(text));
    if (!stream::is_loopback(address) && !options_.access.reaches_beyond_host())
      return fail(Error(ErrorClass::kInvalidArgument, "start",
                        fmt::format("{} can be reached from other hosts, and no access rule says by whom", text))
                      .with_hint("--allow any, or --allow NODEID for each peer; or listen on 127.0.0.1"));
  }
  if (options_.spin < Duration{} || options_.spin > std::chrono::seconds(1))
    return fail(Error(ErrorClass::kInvalidArgument, "start",
                      fmt::format("spin is {} s", std::chrono::duration<double>(options_.spin).count()))
                    .with_hint("0 to 1 second; 20 microseconds when nothing is said"));
  if (options_.callbacks == Callbacks::kManual) {
    manual_fd_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!manual_fd_) return fail_errno(errno, "eventfd");
  }
  auto identity =
      options_.identity.empty() ? crypto::Identity::generate() : crypto::Identity::load_or_create(options_.identity);
  if (!identity) return std::unexpected(std::move(identity).error());
  identity_ = std::make_shared<const crypto::Identity>(std::move(*identity));
  WEFT_LET(incarnation_, crypto::draw_incarnation());
  host_name_ = host_name();

  actors::LoopOptions loop;
  loop.identity = identity_;
  loop.access = options_.access;
  loop.listen = options_.listen;
  loop.pool = {.limit = std::max<std::size_t>(1, options_.pool.connections), .idle = options_.pool.idle};
  loop.dial_timeout = options_.pool.dial_timeout;
  loop.spin = options_.spin;
  loop.ask = options_.ask_kernel;
  loop.inbox_bytes = options_.limits.inbox_bytes;
  const std::uint64_t ram = ram_bytes();
  loop.landings.max_bytes = options_.limits.memory_bytes != 0 ? options_.limits.memory_bytes : ram / 2;
  loop.landings.warm_bytes =
      options_.limits.warm_bytes != 0 ? options_.limits.warm_bytes : std::min<std::uint64_t>(ram / 4, 8ull << 30);
  loop.log = options_.log;
  loop.on_phase = options_.on_phase;
  loop.core = {.self = identity_->node_id(),
               .incarnation = incarnation_,
               .host = host_id(),
               .host_name = host_name_,
               .access = options_.access,
               .liveness = {.heartbeat = options_.liveness.heartbeat, .silent_after = options_.liveness.silent_after},
               .max_transfer_bytes = loop.landings.max_bytes,
               .random = {},
               .wall_clock = &wall_ns};
  WEFT_LET(const Trust trust, Trust::parse(options_.trust));
  loop.trusted = [trust](const stream::SocketAddress& address) { return trust.covers(address); };
  WEFT_TRY(open_lanes(loop));

  WEFT_LET(supervisor_, actors::Supervisor::start(options_.log));
  WEFT_LET(loop_, actors::Loop::open(std::move(loop), catalog_, supervisor_->worker(), supervisor_->names()));
  // The loop lives no longer than this object, and calls back only while it runs.
  loop_->set_ask([this](const actors::Inbox::Ask& ask) { show_offer(ask); });
  loop_->set_deliver([this](actors::Inbox::Delivery&& delivery) { deliver(std::move(delivery)); });
  loop_->set_grain([this](transfer::GrainEvent&& event) { on_grain(std::move(event)); });
  loop_->set_expired([this](std::uint64_t cookie) {
    end_receive(cookie, Error(ErrorClass::kDeadlineExceeded, "receive", "nothing was pushed in time"));
  });
  WEFT_TRY(supervisor_->run(*loop_));
  running_ = true;
  return {};
}

void NodeState::destroy(NodeState* node) {
  if (node->supervisor_ && node->supervisor_->on_own_thread())
    std::thread([node] { delete node; }).detach();
  else
    delete node;
}

NodeState::~NodeState() {
  if (running_) (void)stop(std::chrono::seconds(2)).wait();
  if (supervisor_) supervisor_->stop();
  if (loop_) loop_->end();
}

Future<void> NodeState::stop(Deadline deadline) {
  auto shared = std::make_shared<Shared<void>>();
  shared->owner = weak_from_this();
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return Future<void>::of();
    stoppers_.push_back(shared);
  }
  if (!stopped_.exchange(true, std::memory_order_acq_rel)) {
    const TimePoint now = Clock::now();
    const TimePoint until = deadline.resolve(now).value_or(now + std::chrono::seconds(2));
    // The loop runs on until this object goes: a call that raced with the end is told by the core that it came too
    // late.
    loop_->submit([this, until](TimePoint then) {
      end_receivers();
      loop_->shut_down(then, until, [this] { end_stop(); });
    });
  }
  return Future<void>(std::move(shared));
}

/// On the loop, as every result is: who waits for one may be the very thread that drives it, and would sleep on.
void NodeState::end_receivers() {
  (void)loop_->inbox().end_waiters();
  std::unordered_map<std::uint64_t, std::shared_ptr<Shared<Tensor>>> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting.swap(receivers_);
  }
  for (auto& [cookie, shared] : waiting) {
    shared->resolve(fail(stopped()));
    close_gate(cookie);
  }
}

void NodeState::end_stop() {
  std::vector<std::shared_ptr<Shared<void>>> waiting;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    waiting.swap(stoppers_);
  }
  end_grains();
  for (const auto& shared : waiting) shared->resolve({});
}

std::shared_ptr<NodeState::Gate> NodeState::open_gate(std::uint64_t cookie, ProgressFn on_progress) {
  auto gate = std::make_shared<Gate>();
  gate->cell = std::make_shared<actors::ProgressCell>();
  gate->started = Clock::now();
  if (on_progress)
    gate->cell->changed = [weak = weak_from_this(), ended = std::weak_ptr(gate), report = std::move(on_progress)](
                              actors::ProgressCell::Value value, bool last) {
      const auto node = weak.lock();
      const auto call = ended.lock();
      if (!node || !call) return;
      node->run([call, report, last, progress = progress_of(*call, value)] {
        {
          const std::lock_guard lock(call->mutex);
          if (call->over && !last) return;
        }
        report(progress);
      });
    };
  const std::lock_guard lock(mutex_);
  gates_[cookie] = gate;
  return gate;
}

void NodeState::close_gate(std::uint64_t cookie) {
  std::shared_ptr<Gate> gate;
  {
    const std::lock_guard lock(mutex_);
    const auto found = gates_.find(cookie);
    if (found == gates_.end()) return;
    gate = std::move(found->second);
    gates_.erase(found);
  }
  const std::lock_guard lock(gate->mutex);
  gate->over = true;
  gate->changed.notify_all();
}

void NodeState::cancel(std::uint64_t cookie) {
  std::shared_ptr<Gate> gate;
  {
    const std::lock_guard lock(mutex_);
    const auto found = gates_.find(cookie);
    if (found == gates_.end()) return;
    gate = found->second;
  }
  ask_cancel(cookie);
  loop_->hand_back();  // this thread may be the one that drove it lately
  std::unique_lock lock(gate->mutex);
  gate->changed.wait_for(lock, std::chrono::seconds(1), [&] { return gate->over; });
}

void NodeState::ask_cancel(std::uint64_t cookie) {
  loop_->submit([this, cookie](TimePoint now) {
    if (loop_->inbox().cancel(cookie))
      return end_receive(cookie, Error(ErrorClass::kCancelled, "receive", "cancelled by the caller"));
    loop_->cancel(loop_->transfer_of(cookie), ErrorClass::kCancelled, now);
  });
}

void NodeState::end_receive(std::uint64_t cookie, Error why) {
  std::unique_lock lock(mutex_);
  const auto found = receivers_.find(cookie);
  if (found == receivers_.end()) return;
  const auto shared = std::move(found->second);
  receivers_.erase(found);
  lock.unlock();
  shared->resolve(fail(std::move(why)));
  close_gate(cookie);
}

void NodeState::let_go(KeepAlive memory) {
  supervisor_->worker().run([memory = std::move(memory)]() mutable { memory.reset(); });
}

Progress NodeState::progress(std::uint64_t cookie) {
  std::shared_ptr<Gate> gate;
  {
    const std::lock_guard lock(mutex_);
    const auto found = gates_.find(cookie);
    if (found == gates_.end()) return {};
    gate = found->second;
  }
  return progress_of(*gate, gate->cell->get());
}

Progress NodeState::progress_of(const Gate& gate, const actors::ProgressCell::Value& value) {
  Progress progress{.done = value.done, .total = value.total};
  const double seconds = std::chrono::duration<double>(Clock::now() - gate.started).count();
  if (seconds > 0) progress.bytes_per_second = static_cast<double>(progress.done) / seconds;
  if (progress.bytes_per_second > 0)
    progress.eta = std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(static_cast<double>(progress.total - progress.done) / progress.bytes_per_second));
  return progress;
}

void NodeState::drive(const std::function<bool()>& ready, TimePoint until) {
  if (supervisor_->on_callback_thread()) return loop_->hand_back();
  if (!stopped_.load(std::memory_order_acquire)) loop_->drive(ready, until);
}

void NodeState::run(std::move_only_function<void()> callback) {
  if (options_.callbacks != Callbacks::kManual) return supervisor_->callbacks().run(std::move(callback));
  {
    const std::lock_guard lock(manual_mutex_);
    manual_.push_back(std::move(callback));
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(manual_fd_.get(), &one, sizeof one);
}

std::size_t NodeState::run_callbacks() {
  if (!manual_fd_) return 0;
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(manual_fd_.get(), &count, sizeof count);
  std::vector<std::move_only_function<void()>> due;
  {
    const std::lock_guard lock(manual_mutex_);
    due.swap(manual_);
    manual_.swap(manual_spare_);
  }
  const std::size_t ran = due.size();
  for (auto& callback : due) actors::run_guarded(options_.log, "callback", callback);
  due.clear();
  const std::lock_guard lock(manual_mutex_);
  if (manual_spare_.capacity() < due.capacity()) manual_spare_.swap(due);
  return ran;
}

bool NodeState::on_loop(std::move_only_function<void(actors::Loop&, TimePoint)> work) {
  struct Done {
    std::mutex mutex{};
    std::condition_variable changed{};
    bool done = false, given_up = false;
  };
  const auto done = std::make_shared<Done>();
  loop_->submit([this, done, work = std::move(work)](TimePoint now) mutable {
    const std::lock_guard lock(done->mutex);  // while it runs too: it ends before its caller gives up, or never begins
    if (done->given_up) return;
    work(*loop_, now);
    done->done = true;
    done->changed.notify_all();
  });
  loop_->hand_back();
  std::unique_lock lock(done->mutex);
  done->given_up = !done->changed.wait_for(lock, std::chrono::seconds(2), [&] { return done->done; });
  return done->done;
}

NodeStats NodeState::stats() {
  const auto snapshot = catalog_.snapshot();
  auto stats = std::make_shared<NodeStats>();
  on_loop([stats](actors::Loop& loop, TimePoint) {
    const transfer::CoreStats core = loop.core().stats();
    const auto& pool = loop.pool().metrics();
    *stats = {.pulls = core.pulls,
              .pushes = core.pushes,
              .serves = core.serves,
              .receives = core.receives,
              .failed = core.failed,
              .bytes_in = core.bytes_in,
              .bytes_out = core.bytes_out,
              .integrity_failures = core.integrity_failures,
              .stale = core.stale,
              .pieces_reasked = core.pieces_reasked,
              .dials = pool.dials,
              .pool_hits = pool.hits,
              .pool_misses = pool.misses,
              .evictions = pool.evictions,
              .sessions = live_sessions(loop.core()),
              .transfers = core.transfers_live,
              .landing_bytes = loop.landings().live_bytes(),
              .inbox = loop.inbox().size()};
  });
  NodeStats result = *stats;
  result.catalog_tensors = snapshot->size();
  result.catalog_bytes = snapshot->bytes();
  return result;
}

}  // namespace weft::detail
