#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <weft/base/checked.hpp>
#include <weft/base/limits.hpp>
#include <weft/nodes/grain_states.hpp>
#include <weft/nodes/node_state.hpp>
#include <weft/nodes/peer.hpp>

namespace weft {

Initiator::Initiator(std::shared_ptr<detail::InitiatorState> state) : state_(std::move(state)) {}
Initiator::Initiator(Initiator&&) noexcept = default;
Initiator& Initiator::operator=(Initiator&& other) noexcept {
  if (this != &other) {
    if (state_) state_->close();
    state_ = std::move(other.state_);
  }
  return *this;
}
Initiator::~Initiator() {
  if (state_) state_->close();
}
Result<std::size_t> Initiator::add_target(const TargetInfo& info) { return state_->add_target(info); }
Result<void> Initiator::remove_target(const TargetInfo& info) { return state_->remove_target(info); }
TargetLink Initiator::link(std::size_t target) const { return state_->link(target); }
bool Initiator::was_connected(std::size_t target) const { return state_->was_connected(target); }
std::optional<Error> Initiator::why(std::size_t target) const { return state_->why(target); }
Result<std::size_t> Initiator::send(std::uint64_t index, std::span<const std::span<const std::byte>> parts,
                                    SendOptions options) {
  return state_->send(index, parts, options);
}
std::optional<GrainResult> Initiator::next_result() { return state_->next_result(); }
Result<GrainResult> Initiator::wait_result(Deadline deadline) { return state_->wait_result(deadline); }
Next<GrainResult> Initiator::next(Deadline deadline) { return {state_, detail::until_of(deadline)}; }
std::size_t Initiator::pending() const { return state_->pending(); }
int Initiator::event_fd() const { return state_->event_fd(); }
void Initiator::close() { state_->close(); }

namespace detail {
namespace {

constexpr std::size_t kUntaken = 16;  // times the queue: results that wait to be taken
constexpr Duration kAnswerIn = std::chrono::seconds(5);
constexpr Duration kBackOffFirst = std::chrono::milliseconds(20);
constexpr Duration kBackOffMost = std::chrono::milliseconds(500);

/// Whether it is no use to say "connecting": the other side, or the info, must change first.
bool is_final(ErrorClass kind) {
  return kind == ErrorClass::kForbidden || kind == ErrorClass::kUnauthenticated || kind == ErrorClass::kStale ||
         kind == ErrorClass::kUnsupported || kind == ErrorClass::kInvalidArgument;
}

Error full() { return {ErrorClass::kOverloaded, "send", "its queue is full: the target is slower than the sender"}; }

}  // namespace

Result<std::shared_ptr<InitiatorState>> InitiatorState::open(const std::shared_ptr<NodeState>& node,
                                                             InitiatorOptions options) {
  if (options.queue == 0) return fail(ErrorClass::kInvalidArgument, "open_initiator", "a queue of no grains");
  WEFT_LET(auto signal, SignalFd::open());
  return std::shared_ptr<InitiatorState>(new InitiatorState(node, std::move(options), std::move(signal)));
}

InitiatorState::InitiatorState(const std::shared_ptr<NodeState>& node, InitiatorOptions options, SignalFd signal)
    : WaitLine(node), options_(std::move(options)), signal_(std::move(signal)) {}
InitiatorState::~InitiatorState() {
  if (!kept_) return;
  if (const auto node = node_.lock()) node->let_go(std::move(kept_));
}

Result<std::size_t> InitiatorState::add_target(const TargetInfo& info) {
  const auto node = node_.lock();
  if (!node || node->is_stopped()) return fail(ErrorClass::kShuttingDown, "add_target", "this node is stopped");
  if (info.grains == 0 || info.grains > kMaxPieces || info.grain_bytes == 0 || info.grain_bytes > kMaxTensorBytes ||
      info.slices == 0 || info.grain_bytes % info.slices != 0 ||
      !checked_mul(std::uint64_t{info.grains}, info.grain_bytes))
    return fail(ErrorClass::kInvalidArgument, "add_target", "a ring of that shape cannot be");
  WEFT_TRY(check_expiry(info.ticket));
  std::size_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return fail(ErrorClass::kShuttingDown, "add_target", "the initiator is closed");
    for (const Link& link : links_) {
      if (link.removed) continue;
      if (link.info.ticket.node == info.ticket.node && (link.info.token == info.token || link.info.ring == info.ring))
        return fail(ErrorClass::kExists, "add_target", "that target is added already");
      if (link.info.grain_bytes != info.grain_bytes || link.info.slices != info.slices)
        return fail(ErrorClass::kInvalidArgument, "add_target",
                    fmt::format("its grains have {} bytes in {} slices, those of the others {} in {}", info.grain_bytes,
                                info.slices, link.info.grain_bytes, link.info.slices));
    }
    number = links_.size();
    links_.push_back({.info = info, .open = true});
  }
  node->submit([self = shared_from_this(), number](TimePoint now) { self->on_open_link(number, now); });
  return number;
}

void InitiatorState::on_open_link(std::size_t number, TimePoint now) {
  const auto node = node_.lock();
  if (!node) return;
  TargetInfo info;
  {
    const std::lock_guard lock(mutex_);
    Link& link = links_[number];
    if (link.removed || closed_) {
      link.open = false;
      changed_.notify_all();
      return;
    }
    info = link.info;
  }
  const auto feed = node->open_feed(
      info, options_.lane, now + kAnswerIn, shared_from_this(),
      [self = shared_from_this(), number](const Error& why, TimePoint then) { self->on_feed_over(number, why, then); });
  const std::lock_guard lock(mutex_);
  links_[number].feed = feed;
  by_feed_[feed.value] = number;
}

void InitiatorState::on_up(transfer::TransferKey feed) {
  const auto found = by_feed_.find(feed.value);
  if (found == by_feed_.end()) return;
  std::unique_lock lock(mutex_);
  Link& link = links_[found->second];
  link.state = TargetLink::kConnected;
  link.was_up = true;
  link.why.reset();
  signal_.set();
  changed_.notify_all();
  woken(lock);
}

void InitiatorState::on_feed_over(std::size_t number, const Error& why, TimePoint now) {
  const auto node = node_.lock();
  std::unique_lock lock(mutex_);
  Link& link = links_[number];
  by_feed_.erase(link.feed.value);
  link.feed = {};
  link.state = is_final(why.kind()) ? TargetLink::kFailed : TargetLink::kConnecting;
  link.why = why;
  if (!node || link.removed || closed_ || node->core().shutting_down()) {
    link.open = false;
  } else {
    if (std::exchange(link.proven, false)) link.back_off = {};
    link.back_off = std::clamp(2 * link.back_off, kBackOffFirst, kBackOffMost);
    const Duration wait = is_final(why.kind()) ? kBackOffMost : link.back_off;
    node->at(now + wait, [self = shared_from_this(), number](TimePoint then) { self->on_open_link(number, then); });
  }
  signal_.set();
  changed_.notify_all();
  woken(lock);
}

Result<void> InitiatorState::remove_target(const TargetInfo& info) {
  const auto node = node_.lock();
  if (!node) return fail(ErrorClass::kShuttingDown, "remove_target", "this node is stopped");
  std::size_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(links_.begin(), links_.end(), [&](const Link& link) {
      return !link.removed && link.info.ticket.node == info.ticket.node && link.info.token == info.token;
    });
    if (found == links_.end()) return fail(ErrorClass::kNotFound, "remove_target", "that target is not there");
    found->removed = true;
    number = static_cast<std::size_t>(found - links_.begin());
  }
  node->submit([self = shared_from_this(), node = node.get(), number](TimePoint now) {
    std::unique_lock lock(self->mutex_);
    const transfer::TransferKey feed = self->links_[number].feed;
    lock.unlock();
    if (!feed) return;
    node->core().leave_feed(feed, now);
    // A reader that releases nothing keeps nobody waiting.
    node->at(now + std::chrono::seconds(2),
             [node, feed](TimePoint then) { node->core().cancel(feed, ErrorClass::kCancelled, then); });
  });
  return {};
}

TargetLink InitiatorState::link(std::size_t target) const {
  const std::lock_guard lock(mutex_);
  return target < links_.size() ? links_[target].state : TargetLink::kFailed;
}

bool InitiatorState::was_connected(std::size_t target) const {
  const std::lock_guard lock(mutex_);
  return target < links_.size() && links_[target].was_up;
}

std::optional<Error> InitiatorState::why(std::size_t target) const {
  const std::lock_guard lock(mutex_);
  if (target >= links_.size()) return Error(ErrorClass::kNotFound, "initiator", "there is no target of that number");
  return links_[target].why;
}

Result<std::size_t> InitiatorState::send(std::uint64_t index, std::span<const std::span<const std::byte>> parts,
                                         const SendOptions& options) {
  const auto node = node_.lock();
  std::unique_lock lock(mutex_);
  if (!node || closed_ || node->is_stopped())
    return fail(ErrorClass::kShuttingDown, "send", "the initiator is closed, or its node");
  const auto any = std::find_if(links_.begin(), links_.end(), [](const Link& link) { return !link.removed; });
  if (any == links_.end())
    return fail(Error(ErrorClass::kPeerUnreachable, "send", "no target was added").with_hint("add_target first"));
  const TargetInfo& shape = any->info;
  const std::uint32_t first = options.part ? options.first_slice : 0;
  const std::uint32_t last = options.part ? options.last_slice : shape.slices;
  if (first > last || last > shape.slices || (first == last && last != 0))
    return fail(ErrorClass::kInvalidArgument, "send", fmt::format("slices {} to {} of {}", first, last, shape.slices));
  if (results_.size() >= kUntaken * options_.queue)
    return fail(Error(ErrorClass::kOverloaded, "send", "nobody takes the results of earlier sends")
                    .with_hint("next_result() until it is empty, or on_result"));
  std::uint64_t bytes = 0;
  for (const auto& part : parts) bytes += part.size();
  if (const std::uint64_t wanted = shape.grain_bytes / shape.slices * (last - first); bytes != wanted)
    return fail(ErrorClass::kInvalidArgument, "send", fmt::format("{} bytes where {} were wanted", bytes, wanted));
  const auto is_meant = [&](std::size_t number) {
    return !links_[number].removed && (!options.only || *options.only == number);
  };
  const auto has_room = [&](const Link& link) { return link.pending < options_.queue; };
  std::size_t connected = 0, meant = 0, roomy = 0;
  for (std::size_t number = 0; number < links_.size(); ++number) {
    if (!is_meant(number)) continue;
    ++meant;
    if (links_[number].state != TargetLink::kConnected) continue;
    ++connected;
    roomy += has_room(links_[number]) ? 1 : 0;
  }
  if (meant == 0) return fail(ErrorClass::kNotFound, "send", "there is no target of that number");
  if (connected == 0)
    return fail(Error(ErrorClass::kPeerUnreachable, "send", "no target is connected")
                    .with_hint("why(target) tells what stands in the way; it is tried again meanwhile"));
  if (roomy == 0) return fail(full().with_hint("a result tells when one of its grains has ended"));
  const TimePoint deadline = until_of(options.deadline);
  const std::uint64_t call = sends_++;
  std::size_t sent = 0;
  for (std::size_t number = 0; number < links_.size(); ++number) {
    if (!is_meant(number)) continue;
    Link& link = links_[number];
    if (link.state != TargetLink::kConnected || !has_room(link)) {
      Error why = link.state == TargetLink::kConnected
                      ? full()
                      : Error(ErrorClass::kPeerUnreachable, "send", "the target is not connected");
      told(lock, {.index = index, .target = number, .send = call, .result = fail(std::move(why))});
      continue;
    }
    ++link.pending;
    ++sent;
    queued_.push_back({.link = number,
                       .number = call,
                       .feed = link.feed,
                       .index = index,
                       .first = first,
                       .last = last,
                       .parts = parts.size(),
                       .deadline = deadline});
    for (const auto& part : parts) parts_.push_back({.data = part.data(), .size = part.size()});
  }
  // Also when only results came of it, of links that went meanwhile: who drives the loop looks at them.
  if (!std::exchange(kicked_, true)) {
    lock.unlock();
    node->submit(to_send_, [self = shared_from_this()](TimePoint now) { self->on_send(now); });
  }
  return sent;
}

void InitiatorState::on_send(TimePoint) {
  const auto node = node_.lock();
  {
    const std::lock_guard lock(mutex_);
    kicked_ = false;
    queued_.swap(sending_);
    parts_.swap(sending_parts_);
  }
  std::size_t at = 0;
  for (const Queued& queued : sending_) {
    const auto parts = std::span(sending_parts_).subspan(at, queued.parts);
    at += queued.parts;
    const bool taken = node && node->core().send_grain(queued.feed, {.index = queued.index,
                                                                     .first_slice = queued.first,
                                                                     .last_slice = queued.last,
                                                                     .parts = parts,
                                                                     .deadline = queued.deadline,
                                                                     .cookie = queued.number});
    if (taken) continue;
    std::unique_lock lock(mutex_);
    --links_[queued.link].pending;
    told(lock, {.index = queued.index,
                .target = queued.link,
                .send = queued.number,
                .result = fail(ErrorClass::kPeerLost, "send", "the target was lost before the grain went out")});
  }
  sending_.clear();
  sending_parts_.clear();
}

void InitiatorState::on_ended(transfer::GrainEnded&& ended) {
  const auto found = by_feed_.find(ended.feed.value);
  if (found == by_feed_.end()) return;
  const bool arrived = !ended.error;
  if (arrived && options_.is_intact && !options_.is_intact(ended.index))
    ended.error = Error(ErrorClass::kIntegrityFailure, "send", "what it was sent from was written over meanwhile")
                      .with_may_have_arrived();
  std::unique_lock lock(mutex_);
  --links_[found->second].pending;
  links_[found->second].proven = links_[found->second].proven || arrived;
  GrainResult result{.index = ended.index, .target = found->second, .send = ended.cookie, .result = {}};
  if (ended.error) result.result = fail(std::move(*ended.error));
  told(lock, std::move(result));
}

void InitiatorState::told(std::unique_lock<std::mutex>& lock, GrainResult result) {
  if (options_.on_result) {
    to_call_.push(std::move(result));
    lock.unlock();
    if (const auto node = node_.lock()) node->run([self = shared_from_this()] { self->call_next(); });
    lock.lock();
    return;
  }
  results_.push(std::move(result));
  if (results_.size() != 1) return;
  signal_.set();
  changed_.notify_all();
  woken(lock);
  lock.lock();
}

void InitiatorState::call_next() {
  std::unique_lock lock(mutex_);
  const GrainResult result = to_call_.pop();
  lock.unlock();
  callbacks_.run([&] { options_.on_result(result); });
}

std::optional<GrainResult> InitiatorState::next_result() {
  const std::lock_guard lock(mutex_);
  if (results_.empty()) signal_.clear();  // a link came or went
  return take_next();
}

Result<GrainResult> InitiatorState::wait_result(Deadline deadline) {
  const TimePoint until = until_of(deadline);
  const auto there = [this] { return !results_.empty() || closed_; };
  const auto ready = [this, &there] {
    const std::lock_guard lock(mutex_);
    return there();
  };
  if (!ready())
    if (const auto node = node_.lock()) node->drive(ready, until);
  {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, until, there);
  }
  if (auto result = next_result()) return std::move(*result);
  const std::lock_guard lock(mutex_);
  if (closed_ || node_.expired()) return fail(ErrorClass::kShuttingDown, "wait_result", "the initiator is closed");
  return fail(late());
}

std::uint64_t InitiatorState::sends() const {
  const std::lock_guard lock(mutex_);
  return sends_;
}

std::size_t InitiatorState::pending() const {
  const std::lock_guard lock(mutex_);
  std::size_t all = 0;
  for (const Link& link : links_) all += link.pending;
  return all;
}

}  // namespace detail
}  // namespace weft
