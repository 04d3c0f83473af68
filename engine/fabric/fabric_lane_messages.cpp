// The part of FabricLane that needs receives posted: messages, and immediates where they take one (verbs).
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include <weft/fabric/fabric_lane.hpp>
#include <weft/fabric/receive_context.hpp>

namespace weft::fabric {
namespace {

constexpr std::size_t kReceives = 64;  // of a channel
constexpr std::size_t kSends = 32;     // messages on their way, of all channels
constexpr std::size_t kIdleRings = 4;  // kept registered for channels to come

}  // namespace

/// Before the connection is asked for or accepted: the peer takes the first of them unasked. Without memory to lock
/// they take immediates only, and the peer is told so.
Result<void> FabricLane::post_receives(FabricChannel& channel) {
  if (!traits_.arrival_takes_receive) return {};
  const std::size_t count = std::min(kReceives, info_.view().rx_size());
  if (traits_.max_message != 0) {
    channel.ring = take_ring(channel.id());
    if (!sends_) {
      auto opened = MessageBuffers::open(domain_, kSends, traits_.max_message, Access::kSend);
      if (opened) {
        sends_ = std::move(*opened);
        free_sends_.reserve(kSends);
        for (std::uint32_t i = 0; i < kSends; ++i) free_sends_.push_back(i);
      }
    }
  }
  std::uint32_t posted = 0;
  for (; posted < count; ++posted) {
    WEFT_LET(const PostResult result, post_receive(channel, posted));
    if (result == PostResult::kAgain) break;
  }
  if (posted < ReceiveCredits::kFirst)
    return fail(Error{
        ErrorClass::kResourceExhausted, "fi_recv",
        fmt::format("the device takes {} receives of a connection; {} are needed", posted, ReceiveCredits::kFirst)}
                    .with_hint("unset FI_VERBS_RX_SIZE, or raise it"));
  channel.credits.posted(posted, channel.ring != FabricChannel::kNoRing);
  return {};
}

Result<PostResult> FabricLane::post_receive(FabricChannel& channel, std::uint32_t buffer) {
  const LocalRegion region = channel.ring == FabricChannel::kNoRing
                                 ? LocalRegion{}
                                 : rings_[channel.ring].buffers->region(buffer, traits_.max_message);
  return channel.endpoint().recv(region, ReceiveContext{channel.id(), buffer}.raw());
}

std::uint32_t FabricLane::take_ring(lane::Channel channel) {
  const auto idle = [](const ReceiveRing& ring) { return !ring.used && ring.leased == 0; };
  auto at = std::ranges::find_if(rings_, [&](const ReceiveRing& ring) { return idle(ring) && ring.buffers; });
  if (at == rings_.end()) at = std::ranges::find_if(rings_, idle);
  if (at == rings_.end()) at = rings_.insert(at, ReceiveRing{});
  if (!at->buffers) {
    auto opened = MessageBuffers::open(domain_, kReceives, traits_.max_message, Access::kReceive);
    if (!opened) return FabricChannel::kNoRing;
    at->buffers = std::move(*opened);
  }
  at->used = true;
  at->channel = channel;
  return static_cast<std::uint32_t>(at - rings_.begin());
}

/// Once its endpoint is closed: nothing is received any more, though messages of it may still be leased.
void FabricLane::give_back_ring(FabricChannel& channel) noexcept {
  if (channel.ring == FabricChannel::kNoRing) return;
  rings_[std::exchange(channel.ring, FabricChannel::kNoRing)].used = false;
  trim_rings();
}

void FabricLane::trim_rings() noexcept {
  std::size_t kept = 0;
  for (ReceiveRing& ring : rings_)
    if (!ring.used && ring.leased == 0 && ring.buffers && ++kept > kIdleRings) ring.buffers.reset();
}

/// A message's memory comes back.
void FabricLane::release(std::uint32_t index) noexcept {
  ReceiveRing& ring = rings_[index / kReceives];
  --ring.leased;
  FabricChannel* channel = ring.used ? find(ring.channel) : nullptr;
  if (channel == nullptr) return trim_rings();
  if (channel->state() == FabricChannel::State::kEnded) return;
  receive_again(*channel, index % kReceives);
  quiet_ = false;
}

void FabricLane::receive_again(FabricChannel& channel, std::uint32_t buffer) {
  auto posted = post_receive(channel, buffer);
  if (!posted) return end(channel, std::move(posted.error()));
  if (*posted == PostResult::kAgain)
    return end(channel,
               Error{ErrorClass::kResourceExhausted, "fi_recv", "a receive that was taken cannot be posted again"});
  channel.credits.posted_again();
  note_word(channel);
}

/// An immediate, a message, or a word alone. On lanes where immediates take no receive its context is null.
std::optional<lane::Event> FabricLane::on_receive(const CompletionData& completion) {
  const auto immediate = completion.data();
  const ReceiveContext context = ReceiveContext::of(completion.context());
  FabricChannel* channel = ReceiveContext::is(completion.context()) ? find(context.channel) : nullptr;
  if (channel != nullptr && channel->state() == FabricChannel::State::kEnded) channel = nullptr;
  if (completion.is_remote_write()) {
    if (channel != nullptr) receive_again(*channel, context.buffer);
    if (!immediate) return std::nullopt;
    return lane::Arrived{std::nullopt, static_cast<std::uint32_t>(*immediate)};
  }
  if (channel == nullptr) return std::nullopt;
  const auto word = static_cast<std::uint32_t>(immediate.value_or(0));
  channel->credits.heard(word);
  if ((word & ReceiveCredits::kMessage) == 0 || channel->ring == FabricChannel::kNoRing) {
    receive_again(*channel, context.buffer);
    return std::nullopt;
  }
  ReceiveRing& ring = rings_[channel->ring];
  ++ring.leased;
  const std::size_t length = std::min(completion.length(), ring.buffers->bytes());
  return lane::MessageArrived{channel->id(),
                              {ring.buffers->at(context.buffer).first(length), this,
                               static_cast<std::uint32_t>(channel->ring * kReceives + context.buffer)}};
}

lane::Posted FabricLane::send(lane::Channel id, std::span<const lane::Gather> gather, lane::Token token) {
  FabricChannel* channel = find(id);
  if (traits_.max_message == 0 || channel == nullptr || channel->state() != FabricChannel::State::kUp)
    return lane::Posted::kDown;
  if (!channel->credits.may_send() || free_sends_.empty() || ring_.size() >= options_.max_posts)
    return lane::Posted::kFull;
  // Messages are short and need not lie in memory that is attached: they leave from memory that is.
  const std::uint32_t buffer = free_sends_.back();
  const std::span<std::byte> memory = sends_->at(buffer);
  std::size_t bytes = 0;
  for (const lane::Gather& range : gather) {
    assert(bytes + range.size <= memory.size());
    if (range.size != 0) std::memcpy(memory.data() + bytes, range.data, range.size);
    bytes += range.size;
  }
  const LocalRegion region = sends_->region(buffer, bytes);
  void* context = ring_.take({id, token, 0, PostRing::Kind::kMessage, buffer});
  auto posted = channel->endpoint().send({&region, 1}, channel->credits.word() | ReceiveCredits::kMessage, context);
  quiet_ = false;
  if (posted && *posted == PostResult::kPosted) {
    free_sends_.pop_back();
    channel->credits.told();
    return lane::Posted::kTaken;
  }
  ring_.finish(context);
  if (posted) return lane::Posted::kFull;
  end(*channel, std::move(posted.error()));
  return lane::Posted::kDown;
}

/// The peer is told at the end of this poll, when it is worth a message of its own.
void FabricLane::note_word(FabricChannel& channel) {
  if (channel.owes_word || channel.state() != FabricChannel::State::kUp || !channel.credits.should_tell()) return;
  channel.owes_word = true;
  words_.push_back(channel.id());
}

void FabricLane::tell_words() {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < words_.size(); ++i) {
    const lane::Channel id = words_[i];
    FabricChannel* channel = find(id);
    if (channel == nullptr || channel->state() != FabricChannel::State::kUp) continue;
    channel->owes_word = false;
    if (!channel->credits.should_tell()) continue;  // a message has told it
    void* context = channel->credits.may_tell() ? ring_.take({id, 0, 0, PostRing::Kind::kWord}) : nullptr;
    if (context != nullptr) {
      auto posted = channel->endpoint().send({}, channel->credits.word(), context);
      if (posted && *posted == PostResult::kPosted) {
        channel->credits.told();
        quiet_ = false;
        continue;
      }
      ring_.finish(context);
      if (!posted) {
        end(*channel, std::move(posted.error()));
        continue;
      }
    }
    channel->owes_word = true;  // at the next poll: a completion, or the peer's word, wakes it
    words_[kept++] = id;
  }
  words_.resize(kept);
}

}  // namespace weft::fabric
