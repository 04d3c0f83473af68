#include <weft/fabric/fabric_lane.hpp>

#include <fmt/format.h>
#include <rdma/fabric.h>

#include <algorithm>
#include <cassert>

#include <weft/base/checked.hpp>
#include <weft/base/text.hpp>
#include <weft/fabric/memory_region.hpp>

namespace weft::fabric {
namespace {

constexpr int kMostLooks = 1024;  // at a queue that fills as fast as it is read

class FabricExposure final : public lane::Exposure {
 public:
  explicit FabricExposure(MemoryRegion region) : region_(std::move(region)) {}
  std::uint64_t key() const override { return region_.rkey(); }
  std::uint64_t base() const override { return region_.to_remote().addr; }

 private:
  MemoryRegion region_;
};

class FabricAttachment final : public lane::Attachment {
 public:
  explicit FabricAttachment(std::optional<MemoryRegion> region) : region_(std::move(region)) {}
  void* descriptor() const override { return region_ ? region_->desc() : nullptr; }

 private:
  std::optional<MemoryRegion> region_;
};

Region region_of(lane::Region region) noexcept { return Region::of(std::span{region.data, region.size}); }

/// What was not registered, and what to do about it.
std::unexpected<Error> not_registered(Error why, lane::Region region) {
  if (why.kind() != ErrorClass::kResourceExhausted) return fail(std::move(why));
  return fail(Error{ErrorClass::kResourceExhausted, std::string{why.operation()},
                    fmt::format("{} cannot be locked in memory for the RDMA device", human_bytes(region.size))}
                  .with_native(why.native_code(), std::string{why.native_text()})
                  .with_hint("raise the limit of locked memory: ulimit -l, or LimitMEMLOCK= of its service"));
}

lane::Traits traits_of(const FabricLaneOptions& options, const ProviderHabits& habits, FabricInfoView info) {
  lane::Traits traits;
  traits.name = habits.lane;
  traits.gather = static_cast<std::uint32_t>(std::min(info.tx_iov_limit(), kMaxRanges));
  traits.scatter = static_cast<std::uint32_t>(std::min(info.rma_iov_limit(), kMaxRanges));
  traits.piece_bytes = options.piece_bytes != 0 ? options.piece_bytes : habits.piece_bytes;
  traits.window_bytes = options.window_bytes != 0 ? options.window_bytes : habits.window_bytes;
  traits.ordered = info.keeps_write_order();
  traits.arrival_takes_receive = info.using_recv_buf_for_cq_data();
  traits.max_message = traits.arrival_takes_receive ? habits.message_bytes : 0;
  traits.key_per_landing = !info.needs_local_registration();
  traits.gathers_attached = info.needs_local_registration();
  return traits;
}

}  // namespace

struct FabricLane::Opened {
  ProviderHabits habits;
  FabricInfo info;
  Fabric fabric;
  Domain domain;
  EventQueue events;
  CompletionQueue completions;
  FabricWaiter waiter;
};

Result<FabricLane::Opened> FabricLane::open_on(const FabricLaneOptions& options, std::string_view provider) {
  WEFT_LET(const FabricVersion running, FabricVersion::running());
  const ProviderHabits habits = habits_of(provider, running);
  WEFT_LET(const FabricAddress address, FabricAddress::parse(options.bind_address));
  WEFT_LET(const FabricInfoList offered, FabricInfoList::get({.provider = std::string{provider},
                                                              .endpoint_type = EndpointType::kMessage,
                                                              .caps = FI_MSG | FI_RMA,
                                                              .mode = habits.mode,
                                                              .mr_mode = habits.mr_mode,
                                                              .source = address}));
  const auto found = std::ranges::find_if(offered, [&](FabricInfoView one) { return one.provider_name() == provider; });
  if (found == offered.end())
    return fail(Error{
        ErrorClass::kUnsupported, "fi_getinfo",
        fmt::format("libfabric {} has no provider \"{}\" for {}", running.to_string(), provider, options.bind_address)}
                    .with_hint("`weft info` lists what there is; the tls lane works everywhere"));
  FabricInfo info = (*found).owned();
  WEFT_LET(Fabric fabric, Fabric::open(info.view()));
  WEFT_LET(Domain domain, Domain::open(fabric));
  WEFT_LET(EventQueue events, EventQueue::open(fabric, {.wait = FabricWaiter::event_wait(habits.wait)}));
  // Receives complete on it too, those of all channels.
  const std::size_t entries = std::size_t{options.max_posts} * (info.view().using_recv_buf_for_cq_data() ? 2 : 1);
  WEFT_LET(CompletionQueue completions,
           CompletionQueue::open(domain, {.size = entries, .wait = FabricWaiter::completion_wait(habits.wait)}));
  WEFT_LET(FabricWaiter waiter, FabricWaiter::open(habits.wait, completions, events));
  return Opened{habits,
                std::move(info),
                std::move(fabric),
                std::move(domain),
                std::move(events),
                std::move(completions),
                std::move(waiter)};
}

Result<std::unique_ptr<FabricLane>> FabricLane::open(FabricLaneOptions options) {
  if (!options.draw_key)
    return fail(ErrorClass::kInvalidArgument, "FabricLane::open", "a source of random keys is needed");
  std::optional<Error> why;
  auto names = libfabric_names(Provider::kTcp);
  const std::array<std::string_view, 1> named{options.provider};
  if (!options.provider.empty()) names = named;
  for (std::string_view name : names) {
    auto opened = open_on(options, name);
    if (opened) return std::unique_ptr<FabricLane>{new FabricLane(std::move(options), std::move(*opened))};
    if (!why) why = std::move(opened.error());
  }
  return fail(std::move(*why));
}

FabricLane::FabricLane(FabricLaneOptions options, Opened opened)
    : options_(std::move(options)),
      info_(std::move(opened.info)),
      traits_(traits_of(options_, opened.habits, info_.view())),
      posts_per_channel_(static_cast<std::uint32_t>(std::clamp<std::size_t>(info_.view().tx_size(), 1, 256))),
      completes_in_memory_(opened.habits.completes_in_memory),
      fabric_(std::move(opened.fabric)),
      domain_(std::move(opened.domain)),
      events_(std::move(opened.events)),
      completions_(std::move(opened.completions)),
      waiter_(std::move(opened.waiter)),
      listener_(opened.habits.listener_end),
      ring_(options_.max_posts) {
  ended_.reserve(16);
}

FabricLane::~FabricLane() {
  // Who knocks, and who would have, is refused while there is a listener to refuse with: an accepted connection that is
  // neither refused nor an endpoint's is nobody's, and stays open. The rest closes backwards by itself.
  for (auto& [value, channel] : channels_)
    if (channel.state() == FabricChannel::State::kKnocking) listener_.reject(channel.requested());
  channels_.clear();
  refuse_unread();
  listener_.stop();
  for (int looks = 0; looks < kMostLooks && listener_.hang_up() != 0; ++looks) refuse_unread();
}

void FabricLane::refuse_unread() {
  for (int looks = 0; looks < kMostLooks; ++looks) {
    auto event = events_.read();
    if (!event) return;
    if (const auto* request = std::get_if<ConnectionRequested>(&*event)) listener_.reject(request->info());
  }
}

FabricChannel* FabricLane::find(lane::Channel channel) noexcept {
  const auto at = channels_.find(channel.value);
  return at == channels_.end() ? nullptr : &at->second;
}

const FabricChannel* FabricLane::find(lane::Channel channel) const noexcept {
  const auto at = channels_.find(channel.value);
  return at == channels_.end() ? nullptr : &at->second;
}

FabricChannel* FabricLane::find(const fid* endpoint) noexcept {
  for (auto& [value, channel] : channels_)
    if (channel.is(endpoint)) return &channel;
  return nullptr;
}

Result<std::string> FabricLane::listen() {
  quiet_ = false;
  return listener_.listen(fabric_, info_.view(), events_);
}

void FabricLane::stop_listening() {
  for (auto& [value, channel] : channels_)
    if (channel.state() == FabricChannel::State::kKnocking)
      end(channel, Error{ErrorClass::kCancelled, "stop_listening", "the knock was not answered"});
  listener_.stop();
}

Result<Endpoint> FabricLane::open_endpoint(FabricInfoView info) {
  WEFT_LET(Endpoint endpoint, Endpoint::create(domain_, info));
  WEFT_TRY(endpoint.bind(events_));
  WEFT_TRY(endpoint.bind(completions_));
  WEFT_TRY(endpoint.enable());
  return endpoint;
}

Result<lane::Channel> FabricLane::dial(std::string_view address, std::span<const std::byte> pass) {
  if (pass.size() > sizeof(lane::PassBytes::bytes))
    return fail(ErrorClass::kInvalidArgument, "dial", fmt::format("a pass of {} bytes; 55 fit", pass.size()));
  WEFT_LET(const FabricAddress to, FabricAddress::parse(address));
  FabricInfo info = info_;
  WEFT_TRY(info.set_source(std::nullopt));  // the route decides
  WEFT_TRY(info.set_destination(to));
  const lane::Channel id = next_channel();
  WEFT_LET(Endpoint endpoint, open_endpoint(info.view()));
  FabricChannel channel = FabricChannel::connecting(id, std::move(endpoint), deadline());
  Result<void> begun = post_receives(channel);
  if (begun) begun = channel.endpoint().connect(to, pass);
  if (!begun) {
    channel.end(begun.error());  // before what its receives would fill is another's
    give_back_ring(channel);
    return fail(std::move(begun.error()));
  }
  channels_.emplace(id.value, std::move(channel));
  ++pending_;
  quiet_ = false;
  force_control_ = true;
  return id;
}

Result<void> FabricLane::admit(lane::Channel id) {
  FabricChannel* channel = find(id);
  if (channel == nullptr || channel->state() != FabricChannel::State::kKnocking)
    return fail(ErrorClass::kNotFound, "admit", "this channel does not knock, or no longer");
  quiet_ = false;
  auto endpoint = open_endpoint(channel->requested().view());
  if (!endpoint) {
    end(*channel, std::move(endpoint.error()));
    return {};
  }
  --knocking_;
  channel->admitted(std::move(*endpoint));
  Result<void> begun = post_receives(*channel);
  if (begun) begun = channel->endpoint().accept();
  if (!begun) end(*channel, std::move(begun.error()));
  return {};
}

void FabricLane::close(lane::Channel id) {
  FabricChannel* channel = find(id);
  if (channel == nullptr || channel->state() == FabricChannel::State::kEnded) return;
  end(*channel, Error{ErrorClass::kCancelled, "close", "the channel was closed by this side"});
}

void FabricLane::end(FabricChannel& channel, Error why) {
  if (channel.state() == FabricChannel::State::kEnded) return;
  if (channel.is_pending()) --pending_;
  if (channel.state() == FabricChannel::State::kKnocking) {
    --knocking_;
    listener_.reject(channel.requested());
  }
  channel.end(std::move(why).with_lane(std::string{to_string(traits_.name)}));
  ended_.push_back(channel.id());
  drained_ = false;
  quiet_ = false;
}

Result<lane::ExposurePtr> FabricLane::expose(lane::Region region, lane::Channel) {
  for (int attempt = 0;; ++attempt) {
    WEFT_LET(const std::uint64_t key, options_.draw_key());
    auto registered = MemoryRegion::reg(domain_, region_of(region), Access::kRemoteWrite, key);
    if (registered) return lane::ExposurePtr(new FabricExposure(std::move(*registered)));
    // Two equal keys of 64 random bits: try another.
    if (registered.error().kind() != ErrorClass::kExists || attempt == 3)
      return not_registered(std::move(registered.error()), region);
  }
}

Result<std::unique_ptr<lane::Attachment>> FabricLane::attach(lane::Region region) {
  if (!info_.view().needs_local_registration() || region.size == 0)
    return std::make_unique<FabricAttachment>(std::nullopt);
  auto registered = MemoryRegion::reg(domain_, region_of(region), Access::kWrite | Access::kSend);
  if (!registered) return not_registered(std::move(registered.error()), region);
  return std::make_unique<FabricAttachment>(std::move(*registered));
}

bool FabricLane::has_room(const FabricChannel& channel, std::uint64_t bytes) const noexcept {
  if (channel.posts >= posts_per_channel_ || ring_.size() >= options_.max_posts) return false;
  // A write larger than the window goes alone.
  return channel.posts == 0 || within<std::uint64_t>(channel.posted_bytes, bytes, traits_.window_bytes);
}

std::uint64_t FabricLane::room(lane::Channel id) const {
  const FabricChannel* channel = find(id);
  if (channel == nullptr || channel->state() != FabricChannel::State::kUp || !has_room(*channel, 1)) return 0;
  if (traits_.arrival_takes_receive && !channel->credits.may_take()) return 0;
  return traits_.window_bytes - std::min(traits_.window_bytes, channel->posted_bytes);
}

lane::Posted FabricLane::write(lane::Channel id, std::span<const lane::Gather> gather,
                               std::span<const lane::RemoteRange> remote, std::optional<std::uint32_t> immediate,
                               lane::Token token) {
  assert(gather.size() <= traits_.gather && remote.size() <= traits_.scatter);
  FabricChannel* channel = find(id);
  if (channel == nullptr || channel->state() != FabricChannel::State::kUp) return lane::Posted::kDown;
  std::array<LocalRegion, kMaxRanges> local;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < gather.size(); ++i) {
    local[i] = {reinterpret_cast<std::uint64_t>(gather[i].data), gather[i].size, gather[i].descriptor};
    bytes += gather[i].size;
  }
  const bool takes_receive = immediate && traits_.arrival_takes_receive;
  if (!has_room(*channel, bytes) || (takes_receive && !channel->credits.may_take())) return lane::Posted::kFull;
  std::array<RemoteRegion, kMaxRanges> to;
  for (std::size_t i = 0; i < remote.size(); ++i) to[i] = {remote[i].offset, remote[i].length, remote[i].key};

  void* context = ring_.take({id, token, bytes});
  auto posted =
      channel->endpoint().write({local.data(), gather.size()}, {to.data(), remote.size()}, immediate, context);
  quiet_ = false;
  if (posted && *posted == PostResult::kPosted) {
    channel->posted_bytes += bytes;
    ++channel->posts;
    if (takes_receive) channel->credits.took();
    return lane::Posted::kTaken;
  }
  ring_.finish(context);
  if (posted) return lane::Posted::kFull;
  end(*channel, std::move(posted.error()));
  return lane::Posted::kDown;
}

bool FabricLane::may_block() {
  force_control_ = true;  // the next poll looks everywhere, whether the loop sleeps before it or not
  if (!quiet_) return false;
  if (armed_) {
    armed_ = false;
    return true;
  }
  // Arming makes progress, so that one more look is due before sleeping.
  armed_ = waiter_.arm(fabric_, completions_, events_);
  quiet_ = false;
  return false;
}

}  // namespace weft::fabric
