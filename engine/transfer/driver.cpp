#include <weft/transfer/driver.hpp>

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

namespace weft::transfer {
namespace {

constexpr std::size_t kPostsPerRail = 8;  // before the next peer has its turn
constexpr std::size_t kRailsPerTurn = 64;
constexpr Duration kListenFor = std::chrono::seconds(2);

// Where a frame tells which message it is: our encoder puts the union's tag right behind header and root pointer. Only
// steps are told by it; who acts on a message decodes it.
constexpr std::size_t kKindAt = wire::kHeaderBytes + 8;

constexpr std::size_t kRequest = 2, kOffer = 3, kGrant = 4, kDone = 7, kReceipt = 8, kBye = 13;
static_assert(std::is_same_v<std::variant_alternative_t<kRequest, wire::Message>, wire::Request> &&
              std::is_same_v<std::variant_alternative_t<kOffer, wire::Message>, wire::Offer> &&
              std::is_same_v<std::variant_alternative_t<kGrant, wire::Message>, wire::Grant> &&
              std::is_same_v<std::variant_alternative_t<kDone, wire::Message>, wire::Done> &&
              std::is_same_v<std::variant_alternative_t<kReceipt, wire::Message>, wire::Receipt> &&
              std::is_same_v<std::variant_alternative_t<kBye, wire::Message>, wire::Bye>);

std::size_t kind_of(std::span<const std::byte> frame) {
  return frame.size() > kKindAt ? std::to_integer<std::size_t>(frame[kKindAt]) : std::variant_size_v<wire::Message>;
}

/// Its answer may come over a rail, and by the stream.
bool opens(const Post& post) {
  const std::size_t kind = kind_of({post.gather.front().data, post.gather.front().size});
  return kind == kRequest || kind == kOffer;
}

template <class... F>
struct overloaded : F... {
  using F::operator()...;
};

/// A lane that listens on every address is reached at the one that the session uses.
std::string reachable(const std::string& address, const std::string& local_host) {
  if (local_host.empty()) return address;
  for (const std::string_view wide : {"0.0.0.0:", "[::]:"})
    if (address.starts_with(wide))
      return (local_host.find(':') == std::string::npos ? local_host : "[" + local_host + "]") +
             address.substr(wide.size() - 1);
  return address;
}

}  // namespace

void Driver::add_lane(lane::Lane& lane) {
  lanes_.push_back(&lane);
  listening_until_.push_back(kNever);
  watches_.push_back({});
}

void Driver::told(int descriptor) noexcept {
  for (std::size_t i = 0; i < lanes_.size(); ++i)
    if (lanes_[i]->unseen() == descriptor || lanes_[i]->waitable() == descriptor) watches_[i].told = true;
}

void Driver::bind(std::size_t lane, lane::Channel channel, const Binding& binding) {
  bindings_.set(id(lane, channel), binding);
  ++watches_[lane].channels;
  watches_[lane].told = true;
}

std::size_t Driver::index_of(const lane::Lane& lane) const {
  return static_cast<std::size_t>(std::find(lanes_.begin(), lanes_.end(), &lane) - lanes_.begin());
}

lane::Lane* Driver::lane_named(Lane name, std::size_t& index) {
  for (index = 0; index < lanes_.size(); ++index)
    if (lanes_[index]->traits().name == name) return lanes_[index];
  return nullptr;
}

Driver::LiveSession* Driver::find(SessionKey key) {
  const std::uint32_t* place = places_.find(key.value);
  return place == nullptr ? nullptr : &sessions_[*place];
}

void Driver::forget(SessionKey key) {
  const std::uint32_t* found = places_.find(key.value);
  if (found == nullptr) return;
  const std::uint32_t place = *found;
  places_.erase(key.value);
  if (place + 1 != sessions_.size()) {
    sessions_[place] = std::move(sessions_.back());
    places_.set(sessions_[place].key.value, place);
  }
  sessions_.pop_back();
}

TimePoint Driver::next_timer() const {
  TimePoint next = core_->next_timer();
  for (const TimePoint until : listening_until_) next = std::min(next, until);
  return next;
}

const Driver::RailChannel* Driver::find(RailRef rail) {
  if (LiveSession* session = find(rail.session))
    for (const RailChannel& channel : session->rails)
      if (channel.number == rail.number) return &channel;
  return nullptr;
}

void Driver::adopt(lane::Lane& lane, lane::Channel channel, SessionSpec spec, const crypto::PassKey& pass_key) {
  const std::size_t index = index_of(lane);
  std::size_t place = 0;
  while (place < adopting_.size() && adopting_[place].used) ++place;
  if (place == adopting_.size()) adopting_.emplace_back();
  adopting_[place] = {.spec = std::move(spec), .pass_key = pass_key, .lane = index, .channel = channel, .used = true};
  bind(index, channel, {.session = {}, .number = 0, .adopting = true, .waiting = static_cast<std::uint32_t>(place)});
}

void Driver::on_up(std::size_t lane, lane::Channel channel, TimePoint now) {
  Binding* binding = bindings_.find(id(lane, channel));
  if (binding == nullptr) return lanes_[lane]->close(channel);
  host_->step(binding->adopting ? "session" : "rail");
  if (!binding->adopting) {
    if (lanes_[lane]->arrives_in_memory() && !std::exchange(binding->in_memory, true)) ++memory_rails_;
    return core_->on_rail_up({.session = binding->session, .number = binding->number}, lanes_[lane]->traits(), now);
  }
  Adopting& adopting = adopting_[binding->waiting];
  binding->adopting = false;
  const NodeId peer = adopting.spec.peer;
  std::string local_host = std::move(adopting.spec.local_host);
  const SessionKey key = core_->session_up(std::move(adopting.spec), now);
  adopting.used = false;
  binding->session = key;
  places_.set(key.value, static_cast<std::uint32_t>(sessions_.size()));
  sessions_.push_back({.key = key,
                       .peer = peer,
                       .pass_key = adopting.pass_key,
                       .local_host = std::move(local_host),
                       .rails = {{.number = 0, .lane = lane, .channel = channel}}});
}

void Driver::on_down(std::size_t lane, const lane::Down& down, TimePoint now) {
  Binding* found = bindings_.find(id(lane, down.channel));
  if (found == nullptr) return;
  const Binding binding = *found;
  bindings_.erase(id(lane, down.channel));
  --watches_[lane].channels;
  if (binding.in_memory) --memory_rails_;
  if (binding.adopting) {
    Adopting& adopting = adopting_[binding.waiting];
    adopting.used = false;
    if (adopting.spec.dialled) core_->dial_failed(adopting.spec.peer, down.why, now);
    return;
  }
  const RailRef rail{.session = binding.session, .number = binding.number};
  if (LiveSession* session = find(binding.session)) {
    std::erase_if(session->rails, [&](const RailChannel& x) { return x.number == binding.number; });
    if (binding.number == 0) {
      const NodeId peer = session->peer;
      if (session->rails.empty()) forget(binding.session);
      core_->session_down(binding.session, down.why, now);
      return host_->session_ended(binding.session, peer, down.why);
    }
    const bool stream_gone =
        std::none_of(session->rails.begin(), session->rails.end(), [](const RailChannel& x) { return x.number == 0; });
    if (stream_gone && session->rails.empty()) forget(binding.session);
  }
  core_->on_rail_down(rail, down.why, now);
}

void Driver::on_knock(std::size_t lane, const lane::Knock& knock, TimePoint now) {
  const auto claimed = crypto::read_pass(knock.pass.view());
  if (claimed) {
    for (LiveSession& session : sessions_) {
      const auto info = core_->session_id(session.key);
      if (!info || *info != claimed->session) continue;
      const auto checked = crypto::check_pass(knock.pass.view(), session.pass_key);
      if (!checked || !core_->admit_rail(session.key, checked->rail, checked->nonce, now)) break;
      session.rails.push_back({.number = checked->rail, .lane = lane, .channel = knock.channel});
      bind(lane, knock.channel, {.session = session.key, .number = checked->rail});
      if (!lanes_[lane]->admit(knock.channel)) lanes_[lane]->close(knock.channel);
      return;
    }
  }
  lanes_[lane]->close(knock.channel);
}

void Driver::on_event(std::size_t lane, lane::Event& event, TimePoint now) {
  std::visit(overloaded{[](std::monostate) {}, [&](const lane::Knock& e) { on_knock(lane, e, now); },
                        [&](const lane::Up& e) { on_up(lane, e.channel, now); },
                        [&](const lane::MessageArrived& e) {
                          if (kind_of(e.message.bytes()) == kBye) look_before_bye(lane, now);
                          const Binding* binding = bindings_.find(id(lane, e.channel));
                          told(e.message.bytes());
                          if (binding == nullptr || binding->adopting) return;
                          if (binding->number == 0) {
                            last_message_ = now;
                            return core_->on_message(binding->session, e.message.bytes(), now);
                          }
                          core_->on_rail_message({.session = binding->session, .number = binding->number},
                                                 e.message.bytes(), now);
                        },
                        [&](const lane::Arrived& e) {
                          std::optional<RailRef> from;
                          if (e.channel)
                            if (const Binding* binding = bindings_.find(id(lane, *e.channel)))
                              from = RailRef{.session = binding->session, .number = binding->number};
                          host_->step("arrival");
                          core_->on_arrived(e.immediate, from, now);
                        },
                        [&](const lane::Finished& e) {
                          host_->step("finished");
                          core_->on_finished(e.token, e.failed, now);
                        },
                        [&](const lane::Down& e) { on_down(lane, e, now); }},
             event);
  event = std::monostate{};
}

void Driver::act(ListenRail& action, TimePoint now) {
  std::size_t index = 0;
  lane::Lane* lane = lane_named(action.lane, index);
  if (lane == nullptr)
    return core_->on_rail_listening(action.rail, fail(ErrorClass::kUnsupported, "rail", "this node has no such lane"),
                                    now);
  auto address = lane->listen();
  if (const LiveSession* session = find(action.rail.session); session != nullptr && address)
    *address = reachable(*address, session->local_host);
  if (address) listening_until_[index] = now + kListenFor;
  watches_[index].told = true;
  core_->on_rail_listening(action.rail, address, now);
}

void Driver::act(DialRail& action, TimePoint now) {
  std::size_t index = 0;
  lane::Lane* lane = lane_named(action.lane, index);
  LiveSession* session = find(action.rail.session);
  const auto session_id = core_->session_id(action.rail.session);
  Result<lane::Channel> channel = fail(ErrorClass::kUnsupported, "rail", "this node has no such lane");
  if (lane != nullptr && session != nullptr && session_id) {
    const auto pass = crypto::make_pass(session->pass_key,
                                        {.rail = action.rail.number, .session = *session_id, .nonce = action.nonce});
    if (pass)
      channel = lane->dial(action.address, *pass);
    else
      channel = std::unexpected(pass.error());
  }
  if (!channel) return core_->on_rail_down(action.rail, channel.error(), now);
  session->rails.push_back({.number = action.rail.number, .lane = index, .channel = *channel});
  bind(index, *channel, {.session = session->key, .number = action.rail.number});
}

void Driver::act(Expose& action, TimePoint now) {
  const RailChannel* rail = find(action.rail);
  if (rail == nullptr)
    return core_->on_exposed(action.transfer, action.rail, fail(ErrorClass::kPeerLost, "expose", "the rail is gone"),
                             now);
  core_->on_exposed(action.transfer, action.rail, lanes_[rail->lane]->expose(action.region, rail->channel), now);
}

void Driver::act(Attach& action, TimePoint now) {
  std::size_t index = 0;
  lane::Lane* lane = lane_named(action.lane, index);
  if (lane == nullptr)
    return core_->on_attached(action.attachment, fail(ErrorClass::kUnsupported, "attach", "this node has no such lane"),
                              now);
  core_->on_attached(action.attachment, lane->attach(action.region), now);
}

void Driver::close_rail(RailRef ref, TimePoint now) {
  if (const RailChannel* rail = find(ref))
    lanes_[rail->lane]->close(rail->channel);
  else
    core_->on_rail_down(ref, Error(ErrorClass::kPeerLost, "rail", "it was never up"), now);
}

bool Driver::run_actions(TimePoint now) {
  bool any = false;
  while (auto action = core_->next_action()) {
    any = true;
    std::visit(overloaded{[&](NeedSession& a) { host_->need_session(a.peer); },
                          [&](TakeLanding& a) { host_->take_landing(a.transfer, a.bytes); },
                          [&](Prepare& a) { host_->prepare(std::move(a)); }, [&](Expose& a) { act(a, now); },
                          [&](Attach& a) { act(a, now); }, [&](AskOffer& a) { host_->offered(std::move(a)); },
                          [&](OfferGone& a) { host_->offer_gone(a.transfer); }, [&](ListenRail& a) { act(a, now); },
                          [&](DialRail& a) { act(a, now); }, [&](CloseRail& a) { close_rail(a.rail, now); },
                          [&](CloseSession& a) {
                            if (const RailChannel* rail = find(RailRef{.session = a.session, .number = 0}))
                              lanes_[rail->lane]->close(rail->channel);
                          }},
               *action);
  }
  while (auto event = core_->next_grain_event()) {
    any = true;
    host_->grain(std::move(*event));
  }
  while (auto outcome = core_->next_outcome()) {
    any = true;
    host_->finished(std::move(*outcome));
    core_->recycle(std::move(*outcome));  // NOLINT(bugprone-use-after-move): what the host left of it
  }
  return any;
}

/// Steps of a message that came.
void Driver::told(std::span<const std::byte> frame) {
  host_->step("message");
  const std::size_t kind = kind_of(frame);
  if (kind == kGrant) host_->step("grant");
  if (kind == kReceipt) host_->step("receipt");
}

/// Steps of a post that its lane has taken.
void Driver::taken(const Post& post) {
  if (!post.is_message) return host_->step("written");
  const std::size_t kind = kind_of({post.gather.front().data, post.gather.front().size});
  if (kind == kDone) host_->step("last-written");
  if (kind == kReceipt) host_->step("receipted");
}

bool Driver::post(TimePoint now) {
  bool any = false;
  for (std::size_t n = 0; n < kRailsPerTurn; ++n) {
    const auto ref = core_->next_ready_rail();
    if (!ref) break;
    const RailChannel* rail = find(*ref);
    if (rail == nullptr) continue;
    lane::Lane& lane = *lanes_[rail->lane];
    const lane::Channel channel = rail->channel;
    std::size_t posts = 0;
    for (; posts < kPostsPerRail; ++posts) {
      const Post* post = core_->peek(*ref, lane.room(channel), now);
      if (post == nullptr) break;
      const lane::Posted posted = post->is_message
                                      ? lane.send(channel, post->gather, post->token)
                                      : lane.write(channel, post->gather, post->remote, post->immediate, post->token);
      if (posted != lane::Posted::kTaken && post->is_message && ref->number != 0) {
        core_->declined(now);
        continue;
      }
      // Full: asked again when a post of this rail finishes, or at the next turn where none is out. Down: its event is
      // on the way.
      if (posted == lane::Posted::kFull && !post->is_message && core_->nothing_posted(*ref)) held_back_.push_back(*ref);
      if (posted != lane::Posted::kTaken) break;
      if (post->is_message && (ref->number == 0 || opens(*post))) last_message_ = now;
      taken(*post);
      core_->posted(now);
      any = true;
    }
    if (posts == kPostsPerRail) core_->still_ready(*ref);
    if (posts != 0) lane.flush();
  }
  any = any || !held_back_.empty();
  for (const RailRef& ref : held_back_) core_->still_ready(ref);
  held_back_.clear();
  return any;
}

bool Driver::turn(TimePoint now) {
  // What was asked for meanwhile leaves before anything is waited for.
  bool any = run_actions(now);
  any = post(now) || any;
  const bool everywhere = std::exchange(everywhere_, false);
  const bool all = everywhere || core_->moves_pieces() || since_all_ + 1 >= kTurnsPerIdleRail;
  since_all_ = everywhere || (all && !sees_memory()) ? 0 : std::min(since_all_ + 1, kTurnsPerIdleRail);
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    any = look(i, all, everywhere, now) || any;
    if (listening_until_[i] != kNever && now >= listening_until_[i]) {
      listening_until_[i] = kNever;
      lanes_[i]->stop_listening();
    }
  }
  if (core_->next_timer() <= now) {
    listen_to_sessions(now);
    core_->on_timer(now);
    any = true;
  }
  any = run_actions(now) || any;
  any = post(now) || any;
  return run_actions(now) || any;
}

std::size_t Driver::adopting() const {
  return static_cast<std::size_t>(
      std::count_if(adopting_.begin(), adopting_.end(), [](const Adopting& a) { return a.used; }));
}

void Driver::abandon() {
  for (LiveSession& session : sessions_)
    for (const RailChannel& rail : session.rails) lanes_[rail.lane]->close(rail.channel);
  for (lane::Lane* lane : lanes_) lane->stop_listening();
}

}  // namespace weft::transfer
