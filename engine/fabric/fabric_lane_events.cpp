// The half of FabricLane that turns completions and connection events into lane events.
#include <algorithm>

#include <weft/fabric/fabric_error.hpp>
#include <weft/fabric/fabric_lane.hpp>
#include <weft/fabric/receive_context.hpp>
#include <weft/fabric/variant_utils.hpp>

namespace weft::fabric {
namespace {

constexpr std::uint32_t kIdlePollsPerControl = 16;
constexpr std::uint32_t kBusyPollsPerControl = 64;

Error post_error(const char* operation, const CompletionError& error) {
  // Flushed: its connection went away under it, and this is the first we hear of that.
  const ErrorClass kind = error.is_flushed() ? ErrorClass::kPeerLost : class_of_code(error.code());
  return Error{kind, operation, error.to_string()}.with_native(error.code(), error_text(error.code()));
}

Error connection_error(const EventError& error, bool was_up) {
  ErrorClass kind = class_of_code(error.code());
  if (kind != ErrorClass::kResourceExhausted) kind = was_up ? ErrorClass::kPeerLost : ErrorClass::kPeerUnreachable;
  return Error{kind, was_up ? "connection" : "connect", error.to_string()}.with_native(error.code(),
                                                                                       error_text(error.code()));
}

}  // namespace

std::size_t FabricLane::poll(std::span<lane::Event> events) { return look(events, true); }

std::size_t FabricLane::glance(std::span<lane::Event> events) {
  force_control_ = true;  // who glances polls for the connections
  return look(events, !completes_in_memory_);
}

std::size_t FabricLane::look(std::span<lane::Event> events, bool also_at_connections) {
  std::size_t filled = 0;
  bool looked_everywhere = false;
  while (filled < events.size()) {
    filled += reap(events.subspan(filled));
    if (!words_.empty()) tell_words();
    if (!drained_) continue;  // a channel ended, or there is more: its completions come before its Down
    filled += settle(events.subspan(filled));
    if (looked_everywhere || filled == events.size() || !also_at_connections || !control_is_due(filled == 0)) break;
    looked_everywhere = true;
    filled += control(events.subspan(filled));
    // Reading the event queue makes progress: a completion that came of it would not wake a loop that may sleep now.
    if (drained_ && (filled != 0 || !armed_)) break;
  }
  // Looks at the completions alone do not take back what a whole look has said: a loop that polls several times before
  // it asks may_block() would never block.
  quiet_ = filled == 0 && (looked_everywhere || quiet_);
  if (filled != 0) armed_ = false;
  return filled;
}

std::size_t FabricLane::reap(std::span<lane::Event> events) {
  std::size_t filled = 0;
  while (filled < events.size()) {
    const std::size_t wanted = std::min(kBatch, events.size() - filled);
    const std::size_t got = completions_.read({batch_.data(), wanted});
    drained_ = got < wanted;  // before the batch is looked at: an error in it may end a channel
    for (std::size_t i = 0; i < got; ++i)
      if (auto event = on_completion(batch_[i])) events[filled++] = std::move(*event);
    if (got < wanted) break;
  }
  return filled;
}

std::optional<lane::Event> FabricLane::on_completion(const Completion& completion) {
  const auto* data = completion.try_data();
  const auto* error = completion.try_err();
  void* context = data != nullptr ? data->context() : error->context();
  if (ReceiveContext::is(context) || (data != nullptr && data->is_remote_write())) {
    if (data != nullptr) return on_receive(*data);
    // Flushed: the connection is going, and says so itself.
    FabricChannel* channel = find(ReceiveContext::of(context).channel);
    if (channel != nullptr && !error->is_flushed()) end(*channel, post_error("receive", *error));
    return std::nullopt;
  }
  const auto post = ring_.finish(context);
  if (!post) return std::nullopt;
  if (post->kind == PostRing::Kind::kMessage) free_sends_.push_back(post->buffer);
  if (FabricChannel* channel = find(post->channel)) {
    if (post->kind == PostRing::Kind::kWrite) {
      channel->posted_bytes -= post->bytes;
      --channel->posts;
    }
    // One failed post takes the connection with it, whatever the provider does.
    if (error != nullptr) end(*channel, post_error(post->kind == PostRing::Kind::kWrite ? "write" : "send", *error));
  }
  if (post->kind == PostRing::Kind::kWord) return std::nullopt;
  return lane::Finished{post->channel, post->token, error != nullptr};
}

std::size_t FabricLane::settle(std::span<lane::Event> events) {
  std::size_t filled = 0;
  std::size_t settled = 0;
  for (; settled < ended_.size() && filled < events.size(); ++settled) {
    const lane::Channel id = ended_[settled];
    while (filled < events.size()) {
      const auto post = ring_.finish_any_of(id);
      if (!post) break;
      if (post->kind == PostRing::Kind::kMessage) free_sends_.push_back(post->buffer);
      if (post->kind != PostRing::Kind::kWord) events[filled++] = lane::Finished{id, post->token, true};
    }
    if (filled == events.size()) break;
    const auto at = channels_.find(id.value);
    events[filled++] = lane::Down{id, at->second.why()};
    give_back_ring(at->second);
    channels_.erase(at);
  }
  ended_.erase(ended_.begin(), ended_.begin() + static_cast<std::ptrdiff_t>(settled));
  return filled;
}

bool FabricLane::control_is_due(bool idle) noexcept {
  ++since_control_;
  // Reading the event queue progresses the whole fabric again: not on every turn of a busy loop.
  const bool due = force_control_ || pending_ > 0 || listener_.is_listening() ||
                   since_control_ >= (idle ? kIdlePollsPerControl : kBusyPollsPerControl);
  if (due) {
    since_control_ = 0;
    force_control_ = false;
  }
  return due;
}

std::size_t FabricLane::control(std::span<lane::Event> events) {
  std::size_t filled = 0;
  while (filled < events.size()) {
    auto event = events_.read();
    if (!event) break;
    if (auto mine = on_event(*event)) events[filled++] = std::move(*mine);
  }
  force_control_ = filled == events.size();
  expire();
  return filled;
}

std::optional<lane::Event> FabricLane::on_event(Event& event) {
  if (auto* request = std::get_if<ConnectionRequested>(&event)) return on_request(*request);
  FabricChannel* channel = find(event.fid());
  if (channel == nullptr) return std::nullopt;
  const bool was_up = channel->state() == FabricChannel::State::kUp;
  if (event.is_connected() && !was_up) {
    --pending_;
    channel->connected();
    note_word(*channel);
    return lane::Up{channel->id()};
  }
  if (event.is_shutdown()) end(*channel, Error{ErrorClass::kPeerLost, "connection", "the peer closed it"});
  if (const auto* error = std::get_if<EventError>(&event)) end(*channel, connection_error(*error, was_up));
  return std::nullopt;
}

std::optional<lane::Event> FabricLane::on_request(ConnectionRequested& request) {
  lane::PassBytes pass;
  if (!listener_.hears(request.fid()) || knocking_ >= options_.max_knocks ||
      request.data().size() > pass.bytes.size()) {
    listener_.reject(request.info());
    return std::nullopt;
  }
  std::ranges::copy(request.data(), pass.bytes.begin());
  pass.size = static_cast<std::uint8_t>(request.data().size());
  const lane::Channel id = next_channel();
  channels_.emplace(id.value, FabricChannel::knocking(id, request.take_info(), deadline()));
  ++pending_;
  ++knocking_;
  return lane::Knock{id, pass};
}

void FabricLane::expire() {
  TimePoint next = kNever;
  if (pending_ > 0) {
    const TimePoint now = options_.now();
    for (auto& [value, channel] : channels_) {
      if (!channel.is_pending()) continue;
      if (channel.deadline() > now) {
        next = std::min(next, channel.deadline());
        continue;
      }
      const bool knocking = channel.state() == FabricChannel::State::kKnocking;
      end(channel, Error{knocking ? ErrorClass::kCancelled : ErrorClass::kPeerUnreachable, "connect",
                         knocking ? "the knock was not answered in time" : "the peer did not answer in time"});
    }
  }
  waiter_.wake_at(next, next == kNever ? TimePoint{} : options_.now());
}

}  // namespace weft::fabric
