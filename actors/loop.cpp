#include <weft/actors/loop.hpp>

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <weft/crypto/random.hpp>
#include <weft/stream/address.hpp>

namespace weft::actors {
namespace {

constexpr std::uint64_t kHelloBytes = 16 * 1024;  // more than any hello
constexpr Duration kHousekeeping = std::chrono::milliseconds(50);
constexpr Duration kIdleLook = std::chrono::seconds(5);

std::uint64_t draw() {
  const auto drawn = crypto::random_u64();
  // Without randomness no key may be given out: the generator was seeded when the identity was made, so this is a bug.
  if (!drawn) std::abort();
  return *drawn;
}

Result<void> watch(int epoll, int fd, std::uint32_t events = EPOLLIN) {
  if (fd < 0) return {};
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) return fail_errno(errno, "epoll_ctl");
  return {};
}

}  // namespace

Result<std::unique_ptr<Loop>> Loop::open(LoopOptions options, const transfer::Catalog& catalog, Worker& worker,
                                         Worker& names) {
  WEFT_LET(auto ring, SubmissionRing::open());
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  Fd unseen(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll || !unseen) return fail_errno(errno, "epoll_create1");
  WEFT_LET(auto context, stream::TlsContext::open(*options.identity));
  WEFT_LET(auto acceptor, stream::Acceptor::open(context));
  WEFT_LET(auto dialer, stream::Dialer::open(context));
  WEFT_LET(auto framed, lane::FramedLane::open({.traits = lane::framed_traits(Lane::kTls, true),
                                                .draw_key = &draw,
                                                .first_message_bytes = kHelloBytes}));
  options.core.random = &draw;
  std::unique_ptr<Loop> loop(new Loop(std::move(options), catalog, worker, names, std::move(ring), std::move(epoll),
                                      std::move(unseen), std::move(framed), std::move(acceptor), std::move(dialer)));
  WEFT_TRY(loop->start());
  return loop;
}

Loop::Loop(LoopOptions options, const transfer::Catalog& catalog, Worker& worker, Worker& names, SubmissionRing ring,
           Fd epoll, Fd unseen, std::unique_ptr<lane::FramedLane> framed, stream::Acceptor acceptor,
           stream::Dialer dialer)
    : inbox_(options.inbox_bytes),
      options_(std::move(options)),
      worker_(&worker),
      names_(&names),
      ring_(std::move(ring)),
      epoll_(std::move(epoll)),
      unseen_(std::move(unseen)),
      framed_(std::move(framed)),
      acceptor_(std::move(acceptor)),
      dialer_(std::move(dialer)),
      landings_(options_.landings),
      core_(options_.core, catalog),
      driver_(core_, *this),
      pool_(options_.pool),
      local_(inbox_, landings_, options_.core.self) {}

Loop::~Loop() = default;

Result<void> Loop::start() {
  WEFT_TRY(watch(epoll_.get(), ring_.descriptor()));
  // Each set that a socket stands in costs whoever writes to it: this one only where it will be looked at.
  const bool in_memory =
      std::ranges::any_of(options_.rails, [](const auto& rail) { return rail.first->arrives_in_memory(); });
  for (const int descriptor : {acceptor_.waitable(), dialer_.waitable(), framed_->waitable()}) {
    WEFT_TRY(watch(epoll_.get(), descriptor));
    if (in_memory) WEFT_TRY(watch(unseen_.get(), descriptor));
  }
  driver_.add_lane(*framed_);
  for (const auto& [lane, offer] : options_.rails) {
    WEFT_TRY(watch(epoll_.get(), lane->waitable()));
    if (in_memory) WEFT_TRY(watch(unseen_.get(), lane->unseen()));
    driver_.add_lane(*lane);
  }
  for (const std::string& text : options_.listen) {
    WEFT_LET(const auto address, stream::Address::parse(text));
    WEFT_LET(const auto resolved, stream::resolve_address(address));
    if (resolved.empty()) return fail(ErrorClass::kInvalidArgument, "listen", "\"" + text + "\" names no address");
    WEFT_LET(const auto bound, acceptor_.listen(resolved.front()));
    addresses_.push_back(bound.to_string());
  }
  return {};
}

bool Loop::turn(TimePoint now) {
  now_ = now;
  bool any = ring_.run(now);
  if (driver_.sees_memory()) ask_kernel(now);
  while (!timed_.empty() && timed_.begin()->first <= now) {
    const auto work = timed_.extract(timed_.begin());
    work.mapped()(now);
    any = true;
  }
  any = driver_.turn(now) || any;
  if (sessions_ready_ || now >= sessions_due_) any = turn_sessions(now) || any;
  if (now >= next_housekeeping_) housekeeping(now);
  while (auto outcome = local_.next_outcome()) {
    any = true;
    finished(std::move(*outcome));
  }
  if (over_) end_when_drained(now);
  return any;
}

/// Listeners and dials: looked at when epoll said so, when their timers are due, and every 100 µs where it is not
/// asked.
bool Loop::turn_sessions(TimePoint now) {
  sessions_ready_ = false;
  bool any = false;
  for (auto& incoming : acceptor_.poll(now)) {
    any = true;
    if (!incoming.pipe) {
      const std::string where = incoming.address.to_string();
      log(LogLevel::kWarn, "session refused",
          {{"address", where},
           {"class", to_string(incoming.pipe.error().kind())},
           {"error", incoming.pipe.error().message()}});
      continue;
    }
    phase("accept");
    adopt(std::move(*incoming.pipe), false, incoming.address, now);
  }
  if (acceptor_.half_open() != 0) phase("handshake");
  for (auto& outcome : dialer_.poll(now)) {
    any = true;
    const auto found = dials_.find(outcome.id);
    if (found == dials_.end()) continue;
    const NodeId peer = found->second;
    dials_.erase(found);
    pool_.dialled(peer, outcome.result.has_value(), now);
    if (outcome.result)
      adopt(std::move(outcome.result->pipe), true, outcome.result->address, now);
    else
      core_.dial_failed(peer, outcome.result.error(), now);
  }
  sessions_due_ = std::min(acceptor_.next_timer(), dialer_.next_timer());
  if (!driver_.sees_memory()) sessions_due_ = std::min<TimePoint>(sessions_due_, now + std::chrono::microseconds(100));
  return any;
}

void Loop::adopt(std::unique_ptr<stream::TlsPipe> pipe, bool dialled, const stream::SocketAddress& address,
                 TimePoint now) {
  const NodeId peer = pipe->peer();
  const auto failed = [&](const Error& why) {
    if (dialled) core_.dial_failed(peer, why, now);
  };
  const auto pass_key = pipe->export_key(crypto::kPassKeyLabel);
  if (!pass_key) return failed(pass_key.error());
  const bool same_host = address.is_loopback();
  const auto admitted = options_.access.admits(peer, same_host);
  transfer::SessionSpec spec{.peer = peer, .dialled = dialled, .same_host = same_host, .address = address.to_string()};
  spec.stream = framed_->traits();
  if (dialled) {
    if (auto id = crypto::draw_session_id()) spec.id = *id;
  }
  const auto local = stream::SocketAddress::local_of(pipe->descriptor());
  if (local) spec.local_host = local->host();
  // A session of the other family can neither be told an address of these rails nor dial one.
  const bool reached =
      !local || local->is_unix() || (spec.local_host.find(':') != std::string::npos) == options_.rails_reach_ipv6;
  const bool clear = options_.trusted && options_.trusted(address);
  const auto sessions = core_.sessions();
  const auto room = pool_.room(sessions, arriving());
  if (!dialled && !admitted)
    spec.refuse = admitted.error();
  else if (!dialled && !room.now)
    spec.refuse = Error(ErrorClass::kOverloaded, "session", "too many sessions").with_hint("try again later");
  const bool refused = spec.refuse.has_value();
  for (const auto& [lane, offer] : options_.rails) {
    // RDMA has a network and addresses of its own: whether the peer is on it is found out by dialling.
    const bool rdma = offer.lane == Lane::kVerbs || offer.lane == Lane::kEfa;
    if (!refused && (rdma || (reached && (clear || lane->traits().sealed)))) spec.rail_lanes.push_back(offer);
  }
  const auto channel = framed_->adopt(std::move(pipe), refused);
  if (!channel) return failed(channel.error());
  driver_.adopt(*framed_, *channel, std::move(spec), *pass_key);
  if (!dialled && !refused && room.evict) {
    pool_.evicted();
    core_.close_session(*room.evict, Error(ErrorClass::kPeerLost, "session", "evicted to make room"), now);
  }
  next_housekeeping_ = std::min(next_housekeeping_, now + kHousekeeping);
}

void Loop::need_session(const NodeId& peer) { dial(peer, now_); }

void Loop::dial(const NodeId& peer, TimePoint now) {
  const Ticket* ticket = pool_.ticket(peer);
  if (ticket == nullptr)
    return core_.dial_failed(
        peer, Error(ErrorClass::kPeerUnreachable, "dial", "no address is known for " + peer.short_string()), now);
  if (core_.session_with(peer)) return;  // it came to us while we waited
  const auto room = pool_.room(core_.sessions(), arriving());
  if (!room.now || pool_.not_before(peer) > now) {
    waiting_dials_.push_back(peer);
    return;
  }
  if (room.evict) {
    pool_.evicted();
    core_.close_session(*room.evict, Error(ErrorClass::kPeerLost, "session", "evicted to make room"), now);
  }
  std::vector<stream::SocketAddress> numeric;
  std::vector<stream::Address> names;
  for (const std::string& text : ticket->addresses) {
    const auto address = stream::Address::parse(text);
    if (!address) continue;
    if (const auto number = stream::numeric_address(*address))
      numeric.push_back(*number);
    else
      names.push_back(*address);
  }
  if (names.empty()) return dial_addresses(peer, std::move(numeric), now);
  ++resolving_;
  names_->run([this, peer, numeric = std::move(numeric), names = std::move(names)]() mutable {
    for (const stream::Address& name : names)
      if (auto resolved = stream::resolve_address(name))
        numeric.insert(numeric.end(), resolved->begin(), resolved->end());
    submit([this, peer, numeric = std::move(numeric)](TimePoint then) mutable {
      --resolving_;
      dial_addresses(peer, std::move(numeric), then);
    });
  });
}

void Loop::dial_addresses(const NodeId& peer, std::vector<stream::SocketAddress> addresses, TimePoint now) {
  if (addresses.empty())
    return core_.dial_failed(peer,
                             Error(ErrorClass::kPeerUnreachable, "dial", "the ticket's addresses name no host")
                                 .with_hint("weft ticket TICKET shows them")
                                 .with_peer(peer.short_string()),
                             now);
  phase("dial");
  const auto id = dialer_.dial({.node = peer, .addresses = std::move(addresses)}, now + options_.dial_timeout, now);
  dials_[id] = peer;
  sessions_ready_ = true;
}

void Loop::session_ended(transfer::SessionKey, const NodeId& peer, const Error& why) {
  const std::string who = peer.short_string();
  log(LogLevel::kInfo, "session ended", {{"peer", who}, {"class", to_string(why.kind())}, {"error", why.message()}});
}

std::string Loop::session_address(transfer::SessionKey key) const {
  const auto info = core_.session(key);
  if (!info) return {};
  return info->address;
}

/// A sixteenth of their time late at most: a look shows all sessions, which takes from the heap.
void Loop::close_idle(TimePoint now) {
  next_idle_ = now + std::clamp<Duration>(options_.pool.idle / 16, kHousekeeping, kIdleLook);
  for (const transfer::SessionKey key : pool_.idle(core_.sessions(), now)) {
    pool_.evicted();
    core_.close_session(key, Error(ErrorClass::kPeerLost, "session", "idle"), now);
  }
}

void Loop::housekeeping(TimePoint now) {
  next_housekeeping_ = now + kHousekeeping;
  if (now >= next_idle_) close_idle(now);
  for (const NodeId& peer : std::exchange(waiting_dials_, {})) dial(peer, now);
  for (auto& [cookie, call] : calls_) {
    if (!call.cell) continue;
    const auto progress = core_.progress(call.transfer);
    const std::uint64_t before = call.cell->get().done;
    call.cell->set({.done = progress.done, .total = progress.total});
    const auto value = call.cell->get();
    if (value.done != before && call.cell->changed) call.cell->changed(value, false);
  }
  landings_.collect();
  if (landings_.has_excess())
    worker_->run([excess = std::make_shared<std::vector<memory::Buffer>>(landings_.drain_excess())]() mutable {
      excess.reset();
    });
  Inbox::Effects effects;
  inbox_.expire(now, effects);
  local_.expire(now, effects);
  apply(std::move(effects), now);
  next_housekeeping_ = std::min(next_housekeeping_, local_.next_deadline());
}

TimePoint Loop::next_timer() const {
  TimePoint next =
      std::min({driver_.next_timer(), acceptor_.next_timer(), dialer_.next_timer(), inbox_.next_deadline()});
  if (over_) next = std::min(next, over_by_);
  if (!timed_.empty()) next = std::min(next, timed_.begin()->first);
  const bool busy = !calls_.empty() || !waiting_dials_.empty();
  if (busy)
    next = std::min(next, next_housekeeping_);
  else if (driver_.sessions() != 0)
    next = std::min(next, next_housekeeping_ + pool_.options().idle / 4);
  return next;
}

void Loop::expect(transfer::TransferKey transfer, std::uint64_t cookie, Resolve resolve,
                  std::shared_ptr<ProgressCell> cell) {
  calls_[cookie] = {.transfer = transfer, .resolve = std::move(resolve), .cell = std::move(cell)};
}

transfer::TransferKey Loop::push_here(transfer::PushSpec spec, TimePoint now) {
  Inbox::Effects effects;
  const auto key = local_.push(std::move(spec), now, effects);
  apply(std::move(effects), now);
  next_housekeeping_ = std::min(next_housekeeping_, local_.next_deadline());
  return key;
}

void Loop::cancel(transfer::TransferKey transfer, ErrorClass why, TimePoint now) {
  if (!LocalPushes::owns(transfer)) return core_.cancel(transfer, why, now);
  Inbox::Effects effects;
  local_.cancel(transfer, Error(why, "push", "cancelled by the caller"), effects);
  apply(std::move(effects), now);
}

transfer::TransferKey Loop::transfer_of(std::uint64_t cookie) const {
  const auto found = calls_.find(cookie);
  return found == calls_.end() ? transfer::TransferKey{} : found->second.transfer;
}

void Loop::learn(const Ticket& ticket) {
  pool_.learn(ticket);
  pool_.count_use(core_.session_with(ticket.node).has_value());
}

void Loop::shut_down(TimePoint now, TimePoint until, std::move_only_function<void()> over) {
  over_ = std::move(over);
  over_by_ = until;
  acceptor_.stop();
  for (const auto& [id, peer] : dials_) dialer_.cancel(id);
  dials_.clear();
  core_.shut_down(now);
  Inbox::Effects effects;
  local_.shut_down(effects);
  apply(std::move(effects), now);
}

void Loop::end_when_drained(TimePoint now) {
  const bool drained = driver_.sessions() == 0 && calls_.empty();
  if (!drained && now < over_by_) return;
  if (!drained) driver_.abandon();
  over_now_ = true;
  std::exchange(over_, nullptr)();
}

void Loop::end() {
  for (int i = 0; i < 2; ++i) turn(Clock::now());
  for (auto& [cookie, call] : std::exchange(calls_, {}))
    call.resolve({.transfer = call.transfer,
                  .cookie = cookie,
                  .result = Error(ErrorClass::kShuttingDown, "transfer", "this node has stopped")});
}

void Loop::log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) const {
  if (options_.log) options_.log(level, message, std::span(fields.begin(), fields.size()));
}

}  // namespace weft::actors
