#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <weft/nodes/grain_states.hpp>
#include <weft/nodes/node_state.hpp>

namespace weft {

Target::Target(std::shared_ptr<detail::TargetState> state) : state_(std::move(state)) {}
Target::Target(Target&&) noexcept = default;
Target& Target::operator=(Target&& other) noexcept {
  if (this != &other) {
    if (state_) state_->close();
    state_ = std::move(other.state_);
  }
  return *this;
}
Target::~Target() {
  if (state_) state_->close();
}
const TargetInfo& Target::info() const { return state_->info(); }
std::optional<Grain> Target::try_read() { return state_->try_read(); }
Result<Grain> Target::read(Deadline deadline) { return state_->read(deadline); }
Next<Grain> Target::next(Deadline deadline) { return {state_, detail::until_of(deadline)}; }
Result<void> Target::release(std::uint32_t slot) { return state_->release(slot); }
int Target::event_fd() const { return state_->event_fd(); }
TargetStats Target::stats() const { return state_->stats(); }
void Target::close() { state_->close(); }

namespace detail {

using transfer::GrainArrived;

Result<std::shared_ptr<TargetState>> TargetState::open(const std::shared_ptr<NodeState>& node, TargetOptions options) {
  WEFT_TRY(check_name(options.name));
  TargetInfo info{.ticket = node->ticket(), .ring = options.name};
  WEFT_LET(info.token, node->ring_token(options.name));
  info.grains = static_cast<std::uint32_t>(std::min<std::size_t>(options.slots.size(), UINT32_MAX));
  info.grain_bytes = options.slots.empty() ? 0 : options.slots.front().size();
  info.slices = options.slices;
  WEFT_LET(auto signal, SignalFd::open());
  std::shared_ptr<TargetState> state(new TargetState(node, std::move(options), std::move(info), std::move(signal)));
  WEFT_TRY(node->open_ring(state, {.name = state->options_.name,
                                   .token = state->info_.token,
                                   .slots = state->options_.slots,
                                   .slices = state->options_.slices,
                                   .initiators = state->options_.initiators,
                                   .headers = {},
                                   .lane = state->options_.lane}));
  return state;
}

TargetState::TargetState(const std::shared_ptr<NodeState>& node, TargetOptions options, TargetInfo info,
                         SignalFd signal)
    : WaitLine(node),
      options_(std::move(options)),
      info_(std::move(info)),
      signal_(std::move(signal)),
      partial_at_(info_.grains),
      held_(info_.grains) {}

TargetState::~TargetState() {
  if (!options_.keep_alive) return;
  if (const auto node = node_.lock()) node->let_go(std::move(options_.keep_alive));
}

Grain TargetState::grain_of(const GrainArrived& arrived) const {
  const std::span<std::byte> slot = options_.slots[arrived.slot];
  return {.index = arrived.index,
          .slot = arrived.slot,
          .valid_slices = arrived.valid_slices,
          .invalid = arrived.invalid,
          .complete = arrived.complete,
          .data = slot.first(slot.size() / options_.slices * arrived.valid_slices),
          .from = arrived.from};
}

void TargetState::on_arrived(const GrainArrived& arrived) {
  std::unique_lock lock(mutex_);
  stats_.grains += arrived.complete ? 1 : 0;
  const Grain grain = grain_of(arrived);
  stats_.bytes += arrived.complete ? grain.data.size() : 0;
  if (options_.on_grain) {
    if (arrived.complete) held_[arrived.slot] = true;
    to_call_.push(grain);
    lock.unlock();
    if (const auto node = node_.lock()) node->run([self = shared_from_this()] { self->call_next(); });
    return;
  }
  // One that tells of slices only and was not read yet is overtaken by what comes to its slot.
  std::uint64_t& partial = partial_at_[arrived.slot];
  if (partial != 0 && partial > taken_) {
    ready_.at(static_cast<std::size_t>(partial - 1 - taken_)) = arrived;
    if (arrived.complete) partial = 0;
    return;
  }
  ready_.push(arrived);
  partial = arrived.complete ? 0 : taken_ + ready_.size();
  if (ready_.size() == 1) {
    signal_.set();
    changed_.notify_all();
    woken(lock);
  }
}

void TargetState::call_next() {
  std::unique_lock lock(mutex_);
  const Grain grain = to_call_.pop();
  lock.unlock();
  struct Release {  // also when the function throws
    TargetState& target;
    const Grain& grain;
    ~Release() {
      if (grain.complete) (void)target.release(grain.slot);
    }
  } const release{*this, grain};
  callbacks_.run([&] { options_.on_grain(grain); });
}

std::optional<Grain> TargetState::take_next() {
  if (ready_.empty()) return std::nullopt;
  const GrainArrived arrived = ready_.pop();
  ++taken_;
  if (ready_.empty()) signal_.clear();
  if (arrived.complete) held_[arrived.slot] = true;
  return grain_of(arrived);
}

std::optional<Grain> TargetState::try_read() {
  const std::lock_guard lock(mutex_);
  return take_next();
}

Result<Grain> TargetState::read(Deadline deadline) {
  const TimePoint until = until_of(deadline);
  const auto ready = [this] {
    const std::lock_guard lock(mutex_);
    return !ready_.empty() || closed_;
  };
  for (;;) {
    if (!ready())
      if (const auto node = node_.lock()) node->drive(ready, until);
    std::unique_lock lock(mutex_);
    if (ready_.empty() && !closed_) changed_.wait_until(lock, until, [this] { return !ready_.empty() || closed_; });
    if (auto grain = take_next()) return *grain;
    if (closed_) return fail(ErrorClass::kShuttingDown, "read", "the target is closed, or its node");
    if (Clock::now() >= until) return fail(late());
  }
}

Result<void> TargetState::release(std::uint32_t slot) {
  const auto node = node_.lock();
  std::unique_lock lock(mutex_);
  if (slot >= held_.size() || !held_[slot])
    return fail(ErrorClass::kInvalidArgument, "release", fmt::format("slot {} is not held", slot));
  held_[slot] = false;
  released_.push_back(slot);
  if (!node || closed_ || std::exchange(kicked_, true)) return {};
  lock.unlock();
  node->submit(to_release_, [self = shared_from_this()](TimePoint now) { self->on_released(now); });
  return {};
}

void TargetState::on_released(TimePoint now) {
  const auto node = node_.lock();
  {
    const std::lock_guard lock(mutex_);
    kicked_ = false;
    released_.swap(releasing_);
  }
  if (node)
    for (const std::uint32_t slot : releasing_) (void)node->core().release_slot(ring_, slot, now);
  releasing_.clear();
}

TargetStats TargetState::stats() const {
  const std::lock_guard lock(mutex_);
  TargetStats stats = stats_;
  stats.waiting = ready_.size();
  stats.held = static_cast<std::uint64_t>(std::count(held_.begin(), held_.end(), true));
  return stats;
}

void TargetState::on_joined() {
  const std::lock_guard lock(mutex_);
  ++stats_.initiators;
}
void TargetState::on_left() {
  const std::lock_guard lock(mutex_);
  --stats_.initiators;
}
void TargetState::on_closed(NodeState& node) {
  std::unique_lock lock(mutex_);
  closed_ = true;
  signal_.set();
  changed_.notify_all();
  woken(lock);
  serve_last(node);
}

void TargetState::begin_close() {
  callbacks_.end();
  if (const auto node = node_.lock())
    node->submit([node = node.get(), ring = ring_](TimePoint now) { node->core().close_ring(ring, now); });
}

void TargetState::close() {
  const auto node = node_.lock();
  begin_close();
  if (!node) return;
  const auto closed = [this] {
    const std::lock_guard lock(mutex_);
    return closed_;
  };
  const TimePoint until = Clock::now() + std::chrono::seconds(4);
  node->drive(closed, until);
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, until, [this] { return closed_; });
}

}  // namespace detail
}  // namespace weft
