#include <weft/lane/framed.hpp>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cerrno>
#include <utility>

namespace weft::lane {
namespace {

class NoAttachment final : public Attachment {
 public:
  void* descriptor() const override { return nullptr; }
};

std::unexpected<Error> unsupported(std::string operation) {
  return fail(ErrorClass::kUnsupported, std::move(operation),
              "a framed lane adopts pipes that were connected elsewhere");
}

MessagePool::Limits pool_limits(const FramedOptions& options) {
  // A message that is being grown holds its old and its new buffer: 1.5 times the longest one.
  const std::uint64_t longest = std::bit_ceil<std::uint64_t>(std::max(options.traits.max_message, 1U));
  return {.account_bytes = 3 * longest,
          .total_bytes = std::max(options.message_budget_bytes, 3 * longest),
          .idle_bytes = options.idle_message_bytes};
}

}  // namespace

/// Kept by its lane when it is released: a transfer takes nothing from the heap for it.
class FramedLane::KeptExposure final : public Exposure {
 public:
  explicit KeptExposure(FramedLane& lane) : lane_(lane) {}
  std::uint64_t key() const override { return key_; }
  void begin(std::uint64_t key, Region region, Channel channel) {
    key_ = key;
    lane_.shared_.exposures.insert(key, {region, channel});
  }
  void release() noexcept override {
    lane_.shared_.exposures.erase(key_);
    lane_.kept_exposures_.emplace_back(this);  // there is room: expose() saw to it
  }

 private:
  FramedLane& lane_;
  std::uint64_t key_ = 0;
};

Traits framed_traits(weft::Lane name, bool sealed) {
  return {.name = name,
          .max_message = static_cast<std::uint32_t>(kMaxMessageBytes),
          .gather = 16,
          .scatter = 16,
          .piece_bytes = 256 * 1024,
          .window_bytes = 512 * 1024,
          .attributed = true,
          .revoke_fences = true,
          .sealed = sealed};
}

Result<std::unique_ptr<FramedLane>> FramedLane::open(FramedOptions options) {
  if (!options.draw_key) return fail(ErrorClass::kInvalidArgument, "framed lane", "no source of random keys");
  Fd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  if (!epoll) return fail_errno(errno, "epoll_create1");
  return std::unique_ptr<FramedLane>{new FramedLane{std::move(options), std::move(epoll)}};
}

FramedLane::FramedLane(FramedOptions options, Fd epoll)
    : options_(std::move(options)),
      epoll_(std::move(epoll)),
      shared_{.exposures = {},
              .messages = MessagePool{pool_limits(options_)},
              .staging = {},
              .max_message = options_.traits.max_message,
              // Each may hold its old and its new buffer while it grows.
              .max_assembling = std::max<std::uint64_t>(
                  1, options_.message_budget_bytes / std::max<std::uint64_t>(1, 2ull * options_.traits.max_message))} {}

FramedLane::~FramedLane() {
  for (Slot& slot : slots_) slot.channel.reset();
  assert(shared_.messages.held_bytes() == 0 && "a lease of a message outlived its lane");
}

Result<Channel> FramedLane::draw_channel() {
  if (free_slots_.empty()) {
    if (slots_.size() == std::size_t{1} << kSlotBits)
      return fail(ErrorClass::kResourceExhausted, "adopt", "the lane has all the channels it can have");
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t slot = free_slots_.back();
  return Channel{(slots_[slot].uses + 1) << kSlotBits | slot};
}

Result<Channel> FramedLane::adopt(std::unique_ptr<BytePipe> pipe, bool stranger) {
  if (!pipe) return fail(ErrorClass::kInvalidArgument, "adopt", "no pipe");
  if (options_.traits.sealed && !pipe->sealed())
    return fail(ErrorClass::kInvalidArgument, "adopt", "a cleartext pipe on a lane that promises encryption");
  WEFT_LET(const Channel id, draw_channel());
  const std::uint32_t slot = id.value & ((1U << kSlotBits) - 1);
  if (!queue_.reserve(live_.size() + 1)) return fail(ErrorClass::kResourceExhausted, "adopt", "out of memory");

  epoll_event interest{.events = EPOLLIN, .data = {.u32 = id.value}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, pipe->descriptor(), &interest) != 0)
    return fail_errno(errno, "epoll_ctl");
  const SendQueue::Limits limits{.window_bytes = options_.traits.window_bytes,
                                 .message_bytes = 2 * std::uint64_t{options_.traits.max_message}};
  const FrameReader::Limits reads{
      .first_message = options_.first_message_bytes != 0 ? options_.first_message_bytes : options_.traits.max_message,
      .stays = stranger};
  auto channel = std::make_unique<FramedChannel>(id, std::move(pipe), limits, reads, shared_);
  channel->registered = interest.events;
  free_slots_.pop_back();
  slots_[slot].uses++;
  live_.push_back(channel.get());
  enqueue(*channel);
  slots_[slot].channel = std::move(channel);
  if (live_.size() == kTriedDirectly + 1) {
    for (FramedChannel* each : live_) reconcile(*each);
  }
  return id;
}

FramedChannel* FramedLane::find(Channel channel) const noexcept {
  const std::uint32_t slot = channel.value & ((1U << kSlotBits) - 1);
  if (slot >= slots_.size()) return nullptr;
  FramedChannel* found = slots_[slot].channel.get();
  return found != nullptr && found->id() == channel ? found : nullptr;
}

void FramedLane::erase(FramedChannel& channel) {
  const std::uint32_t slot = channel.id().value & ((1U << kSlotBits) - 1);
  std::erase(live_, &channel);
  if (channel.is_paused()) --paused_;
  slots_[slot].channel.reset();
  const bool used_up = slots_[slot].uses + 1 >= 1U << (32 - kSlotBits);  // a channel is never named again
  if (!used_up) free_slots_.push_back(slot);
}

Result<std::string> FramedLane::listen() { return unsupported("listen"); }
Result<Channel> FramedLane::dial(std::string_view, std::span<const std::byte>) { return unsupported("dial"); }
Result<void> FramedLane::admit(Channel) { return unsupported("admit"); }

void FramedLane::close(Channel channel) {
  FramedChannel* found = find(channel);
  if (found == nullptr || found->is_down()) return;
  found->go_down(Error{ErrorClass::kCancelled, "close", "the channel was closed on this side"});
  enqueue(*found);
}

Result<ExposurePtr> FramedLane::expose(Region region, Channel channel) {
  const FramedChannel* found = find(channel);
  if (found == nullptr || found->is_down()) return fail(ErrorClass::kPeerLost, "expose", "the channel is closed");
  std::uint64_t key = options_.draw_key();
  while (key == 0 || shared_.exposures.contains(key)) key = options_.draw_key();
  if (kept_exposures_.empty()) {
    kept_exposures_.reserve(++exposures_made_);
    kept_exposures_.push_back(std::make_unique<KeptExposure>(*this));
  }
  KeptExposure* exposure = kept_exposures_.back().release();
  kept_exposures_.pop_back();
  exposure->begin(key, region, channel);
  return ExposurePtr(exposure);
}

Result<std::unique_ptr<Attachment>> FramedLane::attach(Region) { return std::make_unique<NoAttachment>(); }

std::uint64_t FramedLane::room(Channel channel) const {
  const FramedChannel* found = find(channel);
  return found != nullptr && found->is_up() ? found->out().room() : 0;
}

Posted FramedLane::send(Channel channel, std::span<const Gather> gather, Token token) {
  FramedChannel* found = find(channel);
  if (found == nullptr || found->is_down()) return Posted::kDown;
  if (!found->is_up()) return Posted::kFull;
  assert(gather.size() <= options_.traits.gather);
  const Posted posted = found->out().push_message(gather, token);
  enqueue(*found);
  return posted;
}

Posted FramedLane::write(Channel channel, std::span<const Gather> gather, std::span<const RemoteRange> remote,
                         std::optional<std::uint32_t> immediate, Token token) {
  FramedChannel* found = find(channel);
  if (found == nullptr || found->is_down()) return Posted::kDown;
  if (!found->is_up()) return Posted::kFull;
  assert(gather.size() <= options_.traits.gather);
  assert(!remote.empty() && remote.size() <= options_.traits.scatter);
  const Posted posted = found->out().push_write(gather, remote, immediate, token);
  enqueue(*found);
  return posted;
}

void FramedLane::flush() {
  for (std::size_t i = 0; i < queue_.size(); ++i) queue_[i]->flush_now();
}

bool FramedLane::heard(Channel channel) {
  FramedChannel* found = find(channel);
  return found != nullptr && found->take_heard();
}

void FramedLane::enqueue(FramedChannel& channel) noexcept {
  if (std::exchange(channel.queued, true)) return;
  queue_.push_back(&channel);
}

/// Channels that waited for leases of their messages.
void FramedLane::enqueue_released() noexcept {
  if (paused_ > 0 && std::exchange(releases_seen_, shared_.messages.releases()) != shared_.messages.releases()) {
    for (FramedChannel* channel : live_) {
      if (channel->is_paused()) enqueue(*channel);
    }
  }
}

void FramedLane::enqueue_ready() {
  enqueue_released();
  if (live_.size() <= kTriedDirectly) {
    for (FramedChannel* channel : live_) {
      channel->try_writing();
      enqueue(*channel);
    }
    return;
  }
  const int count = ::epoll_wait(epoll_.get(), ready_.data(), static_cast<int>(ready_.size()), 0);
  for (int i = 0; i < count; ++i) {
    FramedChannel* channel = find(Channel{ready_[static_cast<std::size_t>(i)].data.u32});
    if (channel == nullptr) continue;
    if ((ready_[static_cast<std::size_t>(i)].events & ~static_cast<std::uint32_t>(EPOLLIN)) != 0)
      channel->try_writing();
    enqueue(*channel);
  }
}

std::size_t FramedLane::poll(std::span<Event> events) {
  if (events.empty()) return 0;
  enqueue_ready();
  return service_queue(events);
}

std::size_t FramedLane::glance(std::span<Event> events) {
  if (events.empty()) return 0;
  enqueue_released();
  const std::size_t count = queue_.empty() ? 0 : service_queue(events);
  // Nothing is tried meanwhile: the descriptor must tell of each.
  if (live_.size() <= kTriedDirectly)
    for (FramedChannel* channel : live_) reconcile(*channel);
  return count;
}

std::size_t FramedLane::service_queue(std::span<Event> events) {
  EventSink sink{events};
  std::size_t work = kPollBytes;
  for (std::size_t turns = queue_.size(); turns > 0 && work > 0 && !sink.full(); --turns) {
    FramedChannel& channel = *queue_.front();
    queue_.pop_front();
    channel.queued = false;
    const bool was_paused = channel.is_paused();
    const auto next = channel.service(sink, work);
    if (channel.is_paused() != was_paused) paused_ += was_paused ? std::size_t(-1) : 1;
    if (next == FramedChannel::Next::kGone) {
      erase(channel);
      continue;
    }
    if (next == FramedChannel::Next::kAgain) enqueue(channel);
    if (live_.size() > kTriedDirectly) reconcile(channel);
  }
  return sink.count();
}

bool FramedLane::may_block() {
  if (!queue_.empty()) return false;
  if (paused_ > 0 && releases_seen_ != shared_.messages.releases()) return false;
  if (live_.size() <= kTriedDirectly) {
    for (FramedChannel* channel : live_) reconcile(*channel);
  }
  return true;
}

void FramedLane::reconcile(FramedChannel& channel) noexcept {
  const std::uint32_t wanted = channel.interest();
  if (wanted == channel.registered || channel.descriptor() < 0) return;
  epoll_event interest{.events = wanted, .data = {.u32 = channel.id().value}};
  // Cannot fail for a descriptor that was added: a change takes no memory.
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, channel.descriptor(), &interest);
  channel.registered = wanted;
}

}  // namespace weft::lane
