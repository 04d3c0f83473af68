#include "fake_grains.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <new>

#include <weft/base/text.hpp>
#include <weft/nodes/c/open_grains.hpp>

namespace weft {

namespace test {
FakeGrains& fake_grains() {
  static FakeGrains fake;
  return fake;
}
}  // namespace test

namespace detail {

class TargetState {
 public:
  TargetInfo info{};
  TargetOptions options{};
  int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
  std::mutex mutex{};
  std::condition_variable changed{};
  std::deque<Grain> waiting{};
  std::map<std::uint32_t, bool> held{};
  bool closed = false;
  ~TargetState() { ::close(event); }

  Result<void> arrive(std::uint64_t index, std::span<const std::span<const std::byte>> parts, const SendOptions& how) {
    std::unique_lock lock(mutex);
    if (closed) return fail(ErrorClass::kPeerLost, "send", "the target closed");
    const auto slot = static_cast<std::uint32_t>(index % options.slots.size());
    if (held.contains(slot)) return fail(ErrorClass::kOverloaded, "send", "the slot is held");
    const std::uint64_t slice = info.grain_bytes / info.slices;
    std::byte* into = options.slots[slot].data() + (how.part ? how.first_slice * slice : 0);
    for (const auto& part : parts) into = std::copy(part.begin(), part.end(), into);
    const std::uint32_t valid = how.part ? how.last_slice : info.slices;
    const bool invalid = how.part && how.last_slice == 0;
    const Grain grain{.index = index,
                      .slot = slot,
                      .valid_slices = valid,
                      .invalid = invalid,
                      .complete = invalid || valid == info.slices,
                      .data = options.slots[slot].first(valid * slice),
                      .from = {}};
    if (options.on_grain) {
      lock.unlock();
      options.on_grain(grain);
      return {};
    }
    if (grain.complete) held[slot] = true;
    waiting.push_back(grain);
    ::eventfd_write(event, 1);
    changed.notify_all();
    return {};
  }
};

namespace {
std::mutex rings_mutex;
std::map<std::pair<NodeId, std::string>, std::weak_ptr<TargetState>> rings;

std::shared_ptr<TargetState> ring_of(const TargetInfo& info) {
  const std::lock_guard lock(rings_mutex);
  const auto found = rings.find({info.ticket.node, info.ring});
  auto state = found == rings.end() ? nullptr : found->second.lock();
  return state && !state->closed ? state : nullptr;
}
}  // namespace

class InitiatorState {
 public:
  InitiatorOptions options{};
  int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
  std::mutex mutex{};
  std::condition_variable changed{};
  std::map<std::size_t, TargetInfo> targets{};
  std::size_t next = 0;
  std::deque<GrainResult> results{};
  ~InitiatorState() { ::close(event); }
};

}  // namespace detail

Result<TargetInfo> TargetInfo::parse(std::string_view text) {
  const auto bytes = from_base64(text);
  TargetInfo info;
  if (!bytes || bytes->size() < 84) return fail(ErrorClass::kInvalidArgument, "target info", "it is none");
  const std::byte* at = bytes->data();
  std::memcpy(info.ticket.node.bytes.data(), at, 32);
  std::memcpy(info.token.data(), at + 32, 16);
  std::memcpy(&info.grains, at + 48, 4);
  std::memcpy(&info.slices, at + 52, 4);
  std::memcpy(&info.grain_bytes, at + 56, 8);
  info.ring.assign(reinterpret_cast<const char*>(at) + 84, bytes->size() - 84);
  return info;
}
std::string TargetInfo::to_string() const {
  std::vector<std::byte> bytes(84 + ring.size());
  std::memcpy(bytes.data(), ticket.node.bytes.data(), 32);
  std::memcpy(bytes.data() + 32, token.data(), 16);
  std::memcpy(bytes.data() + 48, &grains, 4);
  std::memcpy(bytes.data() + 52, &slices, 4);
  std::memcpy(bytes.data() + 56, &grain_bytes, 8);
  std::memcpy(bytes.data() + 84, ring.data(), ring.size());
  return to_base64(bytes);
}

Target::Target(std::shared_ptr<detail::TargetState> state) : state_(std::move(state)) {}
Target::Target(Target&&) noexcept = default;
Target& Target::operator=(Target&&) noexcept = default;
Target::~Target() {
  if (state_) close();
}
const TargetInfo& Target::info() const { return state_->info; }
int Target::event_fd() const { return state_->event; }
std::optional<Grain> Target::try_read() {
  const std::lock_guard lock(state_->mutex);
  if (state_->waiting.empty()) return std::nullopt;
  const Grain grain = state_->waiting.front();
  state_->waiting.pop_front();
  eventfd_t one = 0;
  ::eventfd_read(state_->event, &one);
  return grain;
}
Result<Grain> Target::read(Deadline deadline) {
  std::unique_lock lock(state_->mutex);
  const auto until = deadline.resolve(Clock::now()).value_or(kNever);
  state_->changed.wait_until(lock, until, [&] { return state_->closed || !state_->waiting.empty(); });
  if (state_->closed) return fail(ErrorClass::kShuttingDown, "read", "the target is closed");
  lock.unlock();
  if (auto grain = try_read()) return *grain;
  return fail(ErrorClass::kDeadlineExceeded, "read", "no grain came");
}
Result<void> Target::release(std::uint32_t slot) {
  const std::lock_guard lock(state_->mutex);
  if (state_->held.erase(slot) == 0) return fail(ErrorClass::kInvalidArgument, "release", "it is not held");
  return {};
}
void Target::close() {
  const std::lock_guard lock(state_->mutex);
  state_->closed = true;
  state_->changed.notify_all();
}

Initiator::Initiator(std::shared_ptr<detail::InitiatorState> state) : state_(std::move(state)) {}
Initiator::Initiator(Initiator&&) noexcept = default;
Initiator& Initiator::operator=(Initiator&&) noexcept = default;
Initiator::~Initiator() = default;
void Initiator::close() {}
Result<std::size_t> Initiator::add_target(const TargetInfo& info) {
  for (const auto& [number, known] : state_->targets)
    if (known.ticket.node == info.ticket.node && known.ring == info.ring)
      return fail(ErrorClass::kExists, "add", "it is there already");
  state_->targets[state_->next] = info;
  return state_->next++;
}
Result<void> Initiator::remove_target(const TargetInfo& info) {
  const auto same = [&](const auto& entry) {
    return entry.second.ticket.node == info.ticket.node && entry.second.ring == info.ring;
  };
  if (std::erase_if(state_->targets, same) == 0) return fail(ErrorClass::kNotFound, "remove", "no such target");
  return {};
}
TargetLink Initiator::link(std::size_t target) const {
  const auto found = state_->targets.find(target);
  if (found == state_->targets.end()) return TargetLink::kFailed;
  if (test::fake_grains().connecting) return TargetLink::kConnecting;
  const auto ring = detail::ring_of(found->second);
  return ring && ring->info.token == found->second.token ? TargetLink::kConnected : TargetLink::kFailed;
}
Result<std::size_t> Initiator::send(std::uint64_t index, std::span<const std::span<const std::byte>> parts,
                                    SendOptions options) {
  std::vector<std::pair<std::size_t, bool>> to;
  for (const auto& [number, info] : state_->targets)
    if (!options.only || *options.only == number) to.emplace_back(number, link(number) == TargetLink::kConnected);
  const auto connected = std::count_if(to.begin(), to.end(), [](const auto& entry) { return entry.second; });
  if (connected == 0) return fail(ErrorClass::kPeerUnreachable, "send", "no target is connected");
  for (const auto& [number, reached] : to) {
    GrainResult result{.index = index, .target = number};
    if (!reached)
      result.result = fail(ErrorClass::kPeerUnreachable, "send", "not connected");
    else if (test::fake_grains().lose)
      result.result = fail(Error(ErrorClass::kPeerLost, "send", "it went").with_may_have_arrived());
    else
      result.result = detail::ring_of(state_->targets[number])->arrive(index, parts, options);
    const std::lock_guard lock(state_->mutex);
    state_->results.push_back(std::move(result));
    ::eventfd_write(state_->event, 1);
  }
  return static_cast<std::size_t>(connected);
}
std::optional<GrainResult> Initiator::next_result() {
  const std::lock_guard lock(state_->mutex);
  if (state_->results.empty()) return std::nullopt;
  GrainResult result = std::move(state_->results.front());
  state_->results.pop_front();
  return result;
}
Result<GrainResult> Initiator::wait_result(Deadline) { return fail(ErrorClass::kDeadlineExceeded, "wait", "none"); }
std::size_t Initiator::pending() const { return 0; }
int Initiator::event_fd() const { return state_->event; }

namespace c {
namespace {

/// Only TensorNode may make a Target or an Initiator; each is one pointer to its state, and is made of one here.
template <class Made, class State>
Made made_of(std::shared_ptr<State> state) {
  static_assert(sizeof(Made) == sizeof(state));
  alignas(Made) std::byte raw[sizeof(Made)];
  auto* const pointer = new (raw) std::shared_ptr<State>(std::move(state));
  Made made(std::move(*std::launder(reinterpret_cast<Made*>(raw))));
  pointer->~shared_ptr();
  return made;
}

}  // namespace

Result<Target> open_target(TensorNode& node, TargetOptions options) {
  auto state = std::make_shared<detail::TargetState>();
  state->info.ticket = node.ticket();
  state->info.ring = options.name;
  state->info.token.fill(std::byte{7});
  state->info.grains = static_cast<std::uint32_t>(options.slots.size());
  state->info.grain_bytes = options.slots.front().size();
  state->info.slices = options.slices;
  state->options = std::move(options);
  const std::lock_guard lock(detail::rings_mutex);
  detail::rings[{state->info.ticket.node, state->info.ring}] = state;
  return made_of<Target>(std::move(state));
}

Result<Initiator> open_initiator(TensorNode&, InitiatorOptions options) {
  auto state = std::make_shared<detail::InitiatorState>();
  state->options = std::move(options);
  return made_of<Initiator>(std::move(state));
}

}  // namespace c
}  // namespace weft
