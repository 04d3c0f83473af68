#include <weft/stream/acceptor.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include <weft/stream/socket.hpp>

namespace weft::stream {
namespace {

// A TLS record in clear: fatal alert, internal_error. Our dialler reads Overloaded in it; it is sent before a handshake
// has begun, so there is no key to say it under.
constexpr std::array kOverloadedAlert{std::byte{21}, std::byte{3}, std::byte{3}, std::byte{0},
                                      std::byte{2},  std::byte{2}, std::byte{80}};

Error overloaded(std::string_view message) {
  return Error{ErrorClass::kOverloaded, "accept", std::string{message}}.with_hint(
      "many connections at once, or connections that never speak");
}

constexpr std::size_t kMaxStepsPerPoll = 64;

}  // namespace

Acceptor::Acceptor(TlsContext context, AcceptorLimits limits, Poller poller)
    : context_(std::move(context)), limits_(limits), poller_(std::move(poller)) {}

Result<Acceptor> Acceptor::open(TlsContext context, AcceptorLimits limits) {
  if (limits.half_open == 0 || limits.half_open_per_source == 0 || limits.steps_per_poll == 0 ||
      limits.accepts_per_poll == 0)
    return fail(ErrorClass::kInvalidArgument, "acceptor", "a limit of 0 would accept nobody");
  limits.steps_per_poll = std::min(limits.steps_per_poll, kMaxStepsPerPoll);
  WEFT_LET(Poller poller, Poller::open());
  return Acceptor{std::move(context), limits, std::move(poller)};
}

Result<SocketAddress> Acceptor::listen(const SocketAddress& address) {
  WEFT_LET(Listener opened, Listener::open(address));
  auto listener = std::make_unique<Listener>(std::move(opened));
  const auto interest = paused_ ? Poller::Interest::kNothing : Poller::Interest::kRead;
  WEFT_TRY(poller_.add(listener->descriptor(), interest, listeners_.size()));
  const SocketAddress bound = listener->address();
  listeners_.push_back(std::move(listener));
  return bound;
}

void Acceptor::stop() {
  for (const auto& listener : listeners_) poller_.remove(listener->descriptor());
  for (const auto& [id, half] : half_open_) poller_.remove(half.descriptor());
  listeners_.clear();
  half_open_.clear();
  by_source_.clear();
  paused_ = paused_for_room_ = false;
  paused_until_ = kNever;
}

std::vector<Acceptor::Incoming> Acceptor::poll(TimePoint now) {
  std::vector<Incoming> out;
  expire(now, out);
  if (paused_ && now >= paused_until_) resume();
  std::array<std::uint64_t, kMaxStepsPerPoll> ids{};
  const std::size_t count = poller_.ready(std::span{ids}.first(limits_.steps_per_poll));
  // Those who speak first, so that the places they leave are there for those who wait.
  for (std::size_t i = 0; i < count; ++i)
    if (auto it = half_open_.find(ids[i]); it != half_open_.end()) step(it, now, out);
  for (std::size_t i = 0; i < count; ++i)
    if (ids[i] < listeners_.size() && !paused_) accept_from(*listeners_[ids[i]], now, out);
  return out;
}

TimePoint Acceptor::next_timer() const {
  TimePoint next = paused_ ? paused_until_ : kNever;
  if (!half_open_.empty()) next = std::min(next, half_open_.begin()->second.since + limits_.handshake_time);
  return next;
}

void Acceptor::accept_from(Listener& listener, TimePoint now, std::vector<Incoming>& out) {
  // Room is made for one that is known to wait; whether there is a second one the next poll will know.
  if (half_open_.size() >= limits_.half_open && !make_room(nullptr, now, out))
    return pause(now + limits_.patience, true);
  for (std::size_t i = 0; i < limits_.accepts_per_poll && half_open_.size() < limits_.half_open; ++i) {
    auto accepted = listener.accept();
    if (!accepted) {
      ++counts_.shortages;
      out.push_back({listener.address(), false, fail(std::move(accepted).error())});
      return pause(now + limits_.shortage_pause, false);
    }
    if (!*accepted) return;
    ++counts_.accepted;
    admit(std::move(**accepted), now, out);
  }
}

void Acceptor::admit(Listener::Accepted accepted, TimePoint now, std::vector<Incoming>& out) {
  const bool is_local = accepted.peer.is_loopback();
  HalfOpen half{.address = accepted.peer, .source = accepted.peer.source(), .since = now, .fd = std::move(accepted.fd)};
  const auto known = by_source_.find(half.source);
  const bool crowded =
      (limits_.cap_local || !is_local) && known != by_source_.end() && known->second >= limits_.half_open_per_source;
  if (crowded && !make_room(&half.source, now, out)) {
    ++counts_.refused;
    transmit(half.fd.get(), kOverloadedAlert);
    out.push_back({half.address, is_local, fail(overloaded("too many unfinished connections from there"))});
    return;
  }
  const std::uint64_t id = next_id_++;
  if (auto added = poller_.add(half.fd.get(), Poller::Interest::kRead, id); !added) {
    ++counts_.failed;
    out.push_back({half.address, is_local, fail(std::move(added).error())});
    return;
  }
  ++by_source_[half.source];
  half_open_.emplace(id, std::move(half));
}

/// Drops the oldest half-open connection of that source, or of the busiest one, if it has had its time.
bool Acceptor::make_room(const std::string* source, TimePoint now, std::vector<Incoming>& out) {
  if (source == nullptr) {
    const auto busiest = std::ranges::max_element(by_source_, {}, [](const auto& each) { return each.second; });
    if (busiest == by_source_.end()) return false;
    source = &busiest->first;
  }
  const auto oldest = std::ranges::find_if(half_open_, [&](const auto& each) { return each.second.source == *source; });
  if (oldest == half_open_.end() || now - oldest->second.since < limits_.patience) return false;
  ++counts_.evicted;
  transmit(oldest->second.descriptor(), kOverloadedAlert);
  finish(oldest, fail(overloaded("it did not speak, and others wait")), out);
  return true;
}

void Acceptor::step(HalfOpens::iterator it, TimePoint now, std::vector<Incoming>& out) {
  auto result = advance(it->second, it->first, now);
  if (result && !*result) return;
  ++(result ? counts_.finished : counts_.failed);
  finish(it, std::move(result), out);
}

Result<std::unique_ptr<TlsPipe>> Acceptor::advance(HalfOpen& half, std::uint64_t id, TimePoint now) {
  if (!half.handshake) {
    WEFT_LET(Handshake begun, Handshake::accept(context_, std::move(half.fd), half.since + limits_.handshake_time));
    half.handshake.emplace(std::move(begun));
  }
  WEFT_LET(auto pipe, half.handshake->step(now));
  if (pipe) {
    poller_.remove(pipe->descriptor());
    return pipe;
  }
  if (const bool writing = half.handshake->wants_write(); writing != half.writing) {
    half.writing = writing;
    WEFT_TRY(poller_.change(half.descriptor(), writing ? Poller::Interest::kWrite : Poller::Interest::kRead, id));
  }
  return pipe;
}

void Acceptor::expire(TimePoint now, std::vector<Incoming>& out) {
  while (!half_open_.empty() && now - half_open_.begin()->second.since >= limits_.handshake_time) {
    ++counts_.timed_out;
    const bool spoke = half_open_.begin()->second.handshake.has_value();
    finish(half_open_.begin(),
           fail(ErrorClass::kDeadlineExceeded, "handshake",
                spoke ? "the peer did not finish the handshake in time" : "the peer connected and never spoke"),
           out);
  }
}

/// Closes a half-open connection (a pipe that is done has left it) and tells of its end.
void Acceptor::finish(HalfOpens::iterator it, Result<std::unique_ptr<TlsPipe>> result, std::vector<Incoming>& out) {
  HalfOpen& half = it->second;
  const auto source = by_source_.find(half.source);
  const SocketAddress address = half.address;
  if (--source->second == 0) by_source_.erase(source);
  half_open_.erase(it);
  out.push_back({address, address.is_loopback(), std::move(result)});
  if (paused_for_room_) resume();
}

void Acceptor::pause(TimePoint until, bool for_room) {
  paused_ = true;
  paused_for_room_ = for_room;
  paused_until_ = until;
  watch_listeners(Poller::Interest::kNothing);
}

void Acceptor::resume() {
  paused_ = paused_for_room_ = false;
  paused_until_ = kNever;
  watch_listeners(Poller::Interest::kRead);
}

void Acceptor::watch_listeners(Poller::Interest interest) {
  for (std::size_t i = 0; i < listeners_.size(); ++i)
    if (!poller_.change(listeners_[i]->descriptor(), interest, i)) ++counts_.shortages;
}

}  // namespace weft::stream
