#include <weft/stream/dialer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include <weft/base/limits.hpp>

namespace weft::stream {
namespace {

constexpr std::size_t kStepsPerPoll = 8;  // a handshake step costs up to a millisecond of the loop
static_assert(kMaxAddresses <= 8, "a watch keeps the index of an attempt in three bits");

constexpr std::uint64_t watch_of(DialId id, std::size_t index) { return id << 3 | index; }

/// How much a cause tells a caller about what to do; the greatest is the dial's.
int weight(ErrorClass kind) {
  switch (kind) {
    case ErrorClass::kUnauthenticated:
      return 5;
    case ErrorClass::kUnsupported:
      return 4;
    case ErrorClass::kOverloaded:
      return 3;
    case ErrorClass::kResourceExhausted:
      return 2;
    default:
      return 1;
  }
}

std::string describe(const SocketAddress& address, const Error& cause) {
  const std::string where = address.to_string();
  std::string text = cause.message() == where ? where : fmt::format("{}: {}", where, cause.message());
  if (!cause.native_text().empty()) text += fmt::format(" ({})", cause.native_text());
  return text;
}

Error timed_out(bool connected) {
  if (connected)
    return Error{ErrorClass::kPeerUnreachable, "handshake", "connected, but the peer did not finish the handshake"}
        .with_hint("is it a Weft node, and is its host overloaded?");
  return Error{ErrorClass::kPeerUnreachable, "connect", "no answer"}.with_hint(
      "a firewall may drop the port, or the host is down");
}

}  // namespace

TimePoint Dialer::Dial::next_timer() const {
  TimePoint next = kNever;
  for (const Attempt& attempt : attempts)
    if (!attempt.failed) next = std::min(next, attempt.deadline);
  return is_over() ? TimePoint::min() : next;
}

bool Dialer::Dial::is_over() const {
  return std::ranges::all_of(attempts, [](const Attempt& attempt) { return attempt.failed.has_value(); });
}

Dialer::Dialer(TlsContext context, Poller poller) : context_(std::move(context)), poller_(std::move(poller)) {}

Result<Dialer> Dialer::open(TlsContext context) {
  WEFT_LET(Poller poller, Poller::open());
  return Dialer{std::move(context), std::move(poller)};
}

DialId Dialer::dial(DialTarget target, TimePoint deadline, TimePoint now) {
  const DialId id = next_id_++;
  Dial& dial = dials_[id];
  dial.node = target.node;
  dial.deadline = deadline;
  const std::size_t count = std::min<std::size_t>(target.addresses.size(), kMaxAddresses);
  dial.attempts.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    dial.attempts[i].address = target.addresses[i];
    dial.attempts[i].deadline = std::max(deadline, now);
    start(dial.attempts[i], watch_of(id, i));
  }
  return id;
}

void Dialer::cancel(DialId id) { dials_.erase(id); }

std::vector<Dialer::Outcome> Dialer::poll(TimePoint now) {
  std::vector<Outcome> out;
  std::array<std::uint64_t, kStepsPerPoll> watches{};
  const std::size_t count = poller_.ready(watches);
  for (std::size_t i = 0; i < count; ++i)
    if (auto it = dials_.find(watches[i] >> 3); it != dials_.end()) step(it, watches[i] & 7, now, out);
  for (auto it = dials_.begin(); it != dials_.end();) {
    expire(it->second, now);
    if (!it->second.is_over()) {
      ++it;
      continue;
    }
    out.push_back({it->first, fail(failure_of(it->second))});
    it = dials_.erase(it);
  }
  return out;
}

TimePoint Dialer::next_timer() const {
  TimePoint next = kNever;
  for (const auto& [id, dial] : dials_) next = std::min(next, dial.next_timer());
  return next;
}

void Dialer::start(Attempt& attempt, std::uint64_t watch) {
  auto connector = Connector::start(attempt.address);
  if (!connector) {
    attempt.failed = std::move(connector).error();
    return;
  }
  if (auto added = poller_.add(connector->descriptor(), Poller::Interest::kWrite, watch); !added) {
    attempt.failed = std::move(added).error();
    return;
  }
  attempt.state = std::move(*connector);
}

void Dialer::step(Dials::iterator it, std::size_t index, TimePoint now, std::vector<Outcome>& out) {
  Dial& dial = it->second;
  if (index >= dial.attempts.size() || dial.attempts[index].failed) return;
  Attempt& attempt = dial.attempts[index];
  auto result = advance(dial, attempt, watch_of(it->first, index), now);
  if (!result) {
    attempt.failed = std::move(result).error();
    attempt.state = std::monostate{};
  } else if (*result) {
    out.push_back({it->first, Reached{std::move(*result), attempt.address}});
    dials_.erase(it);  // the others close
  }
}

Result<std::unique_ptr<TlsPipe>> Dialer::advance(const Dial& dial, Attempt& attempt, std::uint64_t watch,
                                                 TimePoint now) {
  if (auto* connector = std::get_if<Connector>(&attempt.state)) {
    WEFT_LET(Fd connected, connector->step());
    if (!connected) return std::unique_ptr<TlsPipe>{};
    attempt.deadline = std::min(dial.deadline, now + kHandshakeTime);
    WEFT_LET(Handshake begun, Handshake::dial(context_, std::move(connected), dial.node, attempt.deadline));
    attempt.state = std::move(begun);
  }
  auto& handshake = std::get<Handshake>(attempt.state);
  WEFT_LET(auto pipe, handshake.step(now));
  if (pipe) {
    poller_.remove(pipe->descriptor());
    return pipe;
  }
  if (const bool writing = handshake.wants_write(); writing != attempt.writing) {
    attempt.writing = writing;
    WEFT_TRY(
        poller_.change(handshake.descriptor(), writing ? Poller::Interest::kWrite : Poller::Interest::kRead, watch));
  }
  return pipe;
}

void Dialer::expire(Dial& dial, TimePoint now) {
  for (Attempt& attempt : dial.attempts) {
    if (attempt.failed || now < attempt.deadline) continue;
    attempt.failed = timed_out(std::holds_alternative<Handshake>(attempt.state));
    attempt.state = std::monostate{};
  }
}

Error Dialer::failure_of(const Dial& dial) {
  const std::string who = dial.node.short_string();
  if (dial.attempts.empty())
    return Error{ErrorClass::kPeerUnreachable, "dial", fmt::format("no address of node {} is known", who)}.with_hint(
        "get a fresh ticket, or name an address");
  const Error* main = &*dial.attempts.front().failed;
  std::string causes;
  for (const Attempt& attempt : dial.attempts) {
    if (weight(attempt.failed->kind()) > weight(main->kind())) main = &*attempt.failed;
    causes += (causes.empty() ? "" : "; ") + describe(attempt.address, *attempt.failed);
  }
  const ErrorClass kind = weight(main->kind()) > 1 ? main->kind() : ErrorClass::kPeerUnreachable;
  Error error{kind, "dial", fmt::format("node {} was not reached: {}", who, causes)};
  error = std::move(error).with_peer(who);
  if (main->native_code() != 0)
    error = std::move(error).with_native(main->native_code(), std::string{main->native_text()});
  if (!main->own_hint().empty()) return std::move(error).with_hint(std::string{main->own_hint()});
  if (kind == ErrorClass::kResourceExhausted)  // something of this host's
    return std::move(error).with_hint(std::string{main->hint()});
  return std::move(error).with_hint(
      "is the node running? If it was restarted, get a fresh ticket; else check the firewall");
}

}  // namespace weft::stream
