#include <weft/lane/fake.hpp>

#include <algorithm>
#include <cassert>

#include <weft/base/checked.hpp>
#include <weft/base/limits.hpp>

namespace weft::lane {

class FakeExposure final : public Exposure {
 public:
  FakeExposure(FakeLane& lane, std::uint64_t key, std::uint64_t base) : lane_(lane), key_(key), base_(base) {}
  ~FakeExposure() override { lane_.exposures_.erase(key_); }
  FakeExposure(const FakeExposure&) = delete;
  FakeExposure& operator=(const FakeExposure&) = delete;
  std::uint64_t key() const override { return key_; }
  std::uint64_t base() const override { return base_; }

 private:
  FakeLane& lane_;
  std::uint64_t key_;
  std::uint64_t base_;
};

class FakeAttachment final : public Attachment {
 public:
  FakeAttachment(FakeLane& lane, Region region) : lane_(lane) { lane_.attached_.emplace(this, region); }
  ~FakeAttachment() override { lane_.attached_.erase(this); }
  FakeAttachment(const FakeAttachment&) = delete;
  FakeAttachment& operator=(const FakeAttachment&) = delete;
  /// A name of its own in any case: a lane that needs none takes it too.
  void* descriptor() const override { return const_cast<FakeAttachment*>(this); }

 private:
  FakeLane& lane_;
};

namespace {

constexpr std::size_t kMaxPosts = 8192;

std::uint64_t total_bytes(std::span<const Gather> gather) {
  std::uint64_t bytes = 0;
  for (const Gather& range : gather) bytes += range.size;
  return bytes;
}

}  // namespace

Traits fake_stream_traits() {
  return {.name = weft::Lane::kTls,
          .max_message = static_cast<std::uint32_t>(kMaxMessageBytes),
          .gather = 16,
          .scatter = 16,
          .piece_bytes = 256 * 1024,
          .window_bytes = 512 * 1024,
          .attributed = true,
          .revoke_fences = true,
          .sealed = true};
}

Traits fake_fabric_traits() {
  return {.name = weft::Lane::kTcp, .gather = 4, .scatter = 4, .piece_bytes = 256 * 1024, .window_bytes = 512 * 1024};
}

Traits fake_verbs_traits() {
  Traits traits = fake_fabric_traits();
  traits.name = weft::Lane::kVerbs;
  traits.max_message = 8192;
  traits.arrival_takes_receive = true;
  traits.key_per_landing = false;
  traits.gathers_attached = true;
  return traits;
}

Traits fake_unordered_traits() {
  return {.name = weft::Lane::kEfa,
          .max_message = 8192,
          .gather = 2,
          .scatter = 1,
          .piece_bytes = 1024 * 1024,
          .window_bytes = 4 * 1024 * 1024,
          .ordered = false,
          .arrival_takes_receive = true,
          .key_per_landing = false,
          .gathers_attached = true};
}

FakeLane::~FakeLane() {
  while (!channels_.empty()) {
    const Place place = channels_.begin()->second;
    const Duration latency = network_.link(node(), place.connection->node(1 - place.side)).latency;
    place.connection->vanish(place.side, latency);
  }
  events_.clear();
  assert(exposures_.empty() && "an exposure outlived its lane");
  assert(attached_.empty() && "an attachment outlived its lane");
  std::erase(network_.lanes_, this);
}

Channel FakeLane::place(std::shared_ptr<FakeConnection> connection, FakeConnection::Side side,
                        FakeConnection::State state) {
  const Channel channel{next_channel_++};
  connection->attach(side, *this, channel, state);
  channels_.emplace(channel, Place{std::move(connection), side});
  return channel;
}

const FakeLane::Place* FakeLane::find(Channel channel) const {
  const auto found = channels_.find(channel);
  return found == channels_.end() ? nullptr : &found->second;
}

const FakeLane::Exposed* FakeLane::find_exposed(std::uint64_t key, Channel channel) const {
  const auto found = exposures_.find(key);
  if (found == exposures_.end()) return nullptr;
  // A fabric's keys belong to the domain: any peer of it may use one it learned.
  return !options_.traits.revoke_fences || found->second.channel == channel ? &found->second : nullptr;
}

std::uint64_t FakeLane::base_of(const Region& region) const {
  return options_.virtual_addresses ? reinterpret_cast<std::uintptr_t>(region.data) : 0;
}

Result<std::string> FakeLane::listen() {
  if (dead_) return fail(ErrorClass::kShuttingDown, "listen", "the node is dead");
  if (address_.empty()) address_ = "fake:" + std::to_string(node()) + ":" + std::to_string(++network_.addresses_);
  return address_;
}

void FakeLane::stop_listening() {
  address_.clear();
  for (const auto& [channel, place] : std::map{channels_}) {
    if (place.connection->state(place.side) == FakeConnection::State::kKnocking) close(channel);
  }
}

Result<Channel> FakeLane::dial(std::string_view address, std::span<const std::byte> pass) {
  PassBytes shown;
  if (pass.size() > shown.bytes.size()) return fail(ErrorClass::kInvalidArgument, "dial", "the pass is too long");
  std::copy(pass.begin(), pass.end(), shown.bytes.begin());
  shown.size = static_cast<std::uint8_t>(pass.size());
  auto connection = network_.make_connection();
  const Channel channel = place(connection, 0, FakeConnection::State::kDialling);
  FakeNetwork& network = network_;
  network.at(network.now() + network.link(node(), node()).latency,
             [&network, connection, shown, to = std::string{address}] {
               if (connection->state(0) != FakeConnection::State::kDialling) return;
               FakeLane* listener = network.find_listener(to);
               if (listener == nullptr || network.is_stopped(listener->node())) {
                 if (listener == nullptr)
                   connection->shut(0, Error{ErrorClass::kPeerUnreachable, "dial", "nobody listens"}, true);
                 return;
               }
               const FakeLink there = network.link(connection->node(0), listener->node());
               if (there.held || there.silent) return;
               if (listener->swallow_dials_ > 0) {
                 --listener->swallow_dials_;
                 return;
               }
               listener->push(Knock{listener->place(connection, 1, FakeConnection::State::kKnocking), shown});
             });
  return channel;
}

Result<void> FakeLane::admit(Channel channel) {
  const Place* place = find(channel);
  if (place == nullptr || place->connection->state(place->side) != FakeConnection::State::kKnocking)
    return fail(ErrorClass::kPeerLost, "admit", "nobody is knocking any more");
  auto connection = place->connection;
  connection->come_up(1);
  const Duration latency = network_.link(node(), connection->node(0)).latency;
  network_.at(network_.now() + latency, [connection] {
    if (connection->state(0) == FakeConnection::State::kDialling) connection->come_up(0);
  });
  return {};
}

void FakeLane::close(Channel channel) {
  if (const Place* place = find(channel))
    place->connection->close(place->side,
                             Error{ErrorClass::kCancelled, "close", "the channel was closed on this side"});
}

bool FakeLane::may_lock(std::uint64_t bytes) const {
  if (options_.locked_bytes == 0) return true;
  for (const auto& [attachment, region] : attached_) bytes += region.size;
  for (const auto& [key, exposed] : exposures_) bytes += exposed.region.size;
  return bytes <= options_.locked_bytes;
}

Result<ExposurePtr> FakeLane::expose(Region region, Channel channel) {
  if (find(channel) == nullptr) return fail(ErrorClass::kPeerLost, "expose", "the channel is closed");
  if (!may_lock(region.size))
    return fail(ErrorClass::kResourceExhausted, "expose", "the limit of locked memory is reached");
  std::uint64_t key = network_.random().next();
  while (exposures_.contains(key)) key = network_.random().next();
  exposures_.emplace(key, Exposed{region, channel});
  return ExposurePtr(new FakeExposure(*this, key, base_of(region)));
}

Result<std::unique_ptr<Attachment>> FakeLane::attach(Region region) {
  if (!may_lock(region.size))
    return fail(ErrorClass::kResourceExhausted, "attach", "the limit of locked memory is reached");
  return std::make_unique<FakeAttachment>(*this, region);
}

/// What a NIC would find: the memory of a range is registered under its descriptor, or it reads what it should not.
void FakeLane::check_attached(const Gather& range) const {
  if (!options_.traits.gathers_attached || range.size == 0 || !network_.on_unattached) return;
  const auto found = attached_.find(range.descriptor);
  const bool covered = found != attached_.end() && range.data >= found->second.data &&
                       within<std::uint64_t>(static_cast<std::uint64_t>(range.data - found->second.data), range.size,
                                             found->second.size);
  if (!covered) network_.on_unattached(*this, range);
}

std::uint64_t FakeLane::room(Channel channel) const {
  const Place* place = find(channel);
  if (place == nullptr || place->connection->state(place->side) != FakeConnection::State::kUp) return 0;
  const std::uint64_t posted = place->connection->posted_writes(place->side);
  return posted < options_.traits.window_bytes ? options_.traits.window_bytes - posted : 0;
}

Posted FakeLane::post(Channel channel, FakePost post, bool full) {
  const Place* place = find(channel);
  if (place == nullptr) return Posted::kDown;
  const auto state = place->connection->state(place->side);
  if (state == FakeConnection::State::kClosing || state == FakeConnection::State::kGone) return Posted::kDown;
  if (state != FakeConnection::State::kUp || full) return Posted::kFull;
  post.size = total_bytes(post.gather);
  if (options_.reads_at_post) {
    for (const Gather& range : post.gather) post.copy.insert(post.copy.end(), range.data, range.data + range.size);
  }
  place->connection->post(place->side, std::move(post));
  return Posted::kTaken;
}

Posted FakeLane::send(Channel channel, std::span<const Gather> gather, Token token) {
  assert(gather.size() <= options_.traits.gather && total_bytes(gather) <= options_.traits.max_message);
  const Place* place = find(channel);
  if (options_.traits.max_message == 0) return Posted::kDown;
  const bool full = place != nullptr &&
                    (!options_.takes_messages || place->connection->posts(place->side) >= kMaxPosts ||
                     place->connection->posted_messages(place->side) >= 2 * std::uint64_t{options_.traits.max_message});
  FakePost message;
  message.is_message = true;
  message.gather.assign(gather.begin(), gather.end());
  message.token = token;
  return post(channel, std::move(message), full);
}

Posted FakeLane::write(Channel channel, std::span<const Gather> gather, std::span<const RemoteRange> remote,
                       std::optional<std::uint32_t> immediate, Token token) {
  assert(gather.size() <= options_.traits.gather && remote.size() <= options_.traits.scatter && !remote.empty());
  for (const Gather& range : gather) check_attached(range);
  const Place* place = find(channel);
  const bool refused = options_.refuses_every != 0 && writes_++ % options_.refuses_every == 0;
  const bool full = refused || (!options_.never_full && place != nullptr &&
                                (place->connection->posts(place->side) >= kMaxPosts || room(channel) == 0));
  FakePost written;
  written.gather.assign(gather.begin(), gather.end());
  written.remote.assign(remote.begin(), remote.end());
  written.immediate = immediate;
  written.token = token;
  return post(channel, std::move(written), full);
}

std::size_t FakeLane::poll(std::span<Event> events) {
  std::size_t count = 0;
  while (count < events.size() && !events_.empty()) {
    events[count++] = std::move(events_.front());
    events_.pop_front();
  }
  return count;
}

void FakeLane::push_message(Channel channel, std::vector<std::byte> bytes) {
  const std::uint32_t index = next_message_++;
  const auto& kept = messages_[index] = std::move(bytes);
  push(MessageArrived{channel, MessageLease{kept, this, index}});
}

void FakeLane::push_down(Channel channel, const Error& why) {
  channels_.erase(channel);
  push(Down{channel, why});
}

}  // namespace weft::lane
