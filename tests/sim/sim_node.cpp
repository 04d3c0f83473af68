#include <tests/sim/sim_node.hpp>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include <tests/sim/world.hpp>

namespace weft::sim {

using transfer::Outcome;
using transfer::TransferKey;

SimNode::SimNode(World& world, lane::FakeNode number, SimNodeOptions options)
    : world_(world), number_(number), options_(std::move(options)) {
  id_.bytes.fill(static_cast<std::byte>(number + 1));
  start();
}

SimNode::~SimNode() {
  if (alive()) die(std::nullopt);
}

void SimNode::start() {
  ++life_;
  for (std::byte& byte : incarnation_.bytes) byte = static_cast<std::byte>(world_.random().next());
  catalog_ = std::make_unique<transfer::Catalog>();
  stream_ = world_.network().make_lane({.node = number_, .traits = lane::fake_stream_traits()});
  for (const Lane name : options_.rails) {
    lane::Traits traits = name == Lane::kEfa     ? lane::fake_unordered_traits()
                          : name == Lane::kVerbs ? lane::fake_verbs_traits()
                                                 : lane::fake_fabric_traits();
    if (name == Lane::kVerbs && !options_.rail_messages) traits.max_message = 0;
    rail_lanes_.push_back(world_.network().make_lane({.node = number_,
                                                      .traits = traits,
                                                      .never_full = options_.never_full,
                                                      .refuses_every = options_.refuses_every,
                                                      .takes_messages = options_.peers_take_messages,
                                                      .reads_at_post = options_.reads_at_post,
                                                      .finishes_on_arrival = options_.finishes_on_arrival,
                                                      .virtual_addresses = options_.virtual_addresses,
                                                      .locked_bytes = name == Lane::kTcp ? 0 : options_.locked_bytes}));
  }
  core_ = std::make_unique<transfer::Core>(transfer::CoreOptions{.self = id_,
                                                                 .incarnation = incarnation_,
                                                                 .host_name = fmt::format("node{}", number_),
                                                                 .access = Access::any(),
                                                                 .staging_buffers = options_.staging_buffers,
                                                                 .random = [this] { return world_.random().next(); },
                                                                 .wall_clock = {}},
                                           *catalog_);
  driver_ = std::make_unique<transfer::Driver>(*core_, *this);
  driver_->add_lane(*stream_);
  for (const auto& lane : rail_lanes_) driver_->add_lane(*lane);
  note_snapshot();
}

void SimNode::die(std::optional<Duration> peers_hear) {
  ++life_;
  world_.network().crash(number_, peers_hear);
  for (Call& call : world_.ledger().calls())
    if (call.from == number_ && call.life == incarnation_ && call.outcomes == 0) call.died = true;
  last = {};
  held_.clear();
  accepted_into_.clear();
  kept_.clear();
  served_.clear();
  driver_.reset();
  core_.reset();
  rail_lanes_.clear();
  stream_.reset();
  catalog_.reset();
}

TimePoint SimNode::next_due() const {
  if (!alive()) return kNever;
  if (poked_ || stream_->has_events()) return world_.now();
  for (const auto& lane : rail_lanes_)
    if (lane->has_events()) return world_.now();
  return driver_->next_timer();
}

std::vector<wire::LaneOffer> SimNode::offers() const {
  std::vector<wire::LaneOffer> offers;
  for (const Lane name : options_.rails) offers.push_back({.lane = name, .provider = "fake", .wire_version = 1});
  return offers;
}

bool SimNode::turn(TimePoint now) {
  poked_ = false;
  return driver_->turn(now);
}

void SimNode::later(Duration delay, std::function<void()> action) {
  if (delay.count() == 0) return action();
  const Duration after{static_cast<std::int64_t>(world_.random().below(static_cast<std::uint64_t>(delay.count())))};
  world_.after(after, [this, life = life_, action = std::move(action)] {
    if (life != life_) return;
    action();
    poke();
  });
}

void SimNode::note_snapshot() {
  std::map<std::string, std::uint64_t> catalog;
  for (const auto& [name, entry] : served_) catalog[name] = entry->generation.value;
  world_.ledger().snapshot(number_, incarnation_, std::move(catalog), world_.now());
}

Generation SimNode::publish(const std::vector<Content>& contents) {
  std::vector<std::shared_ptr<transfer::Entry>> entries;
  for (const Content& content : contents) entries.push_back(entry_of(content, loans_));
  const Generation generation = catalog_->publish(entries);
  for (std::size_t i = 0; i < contents.size(); ++i) {
    world_.ledger().published(incarnation_, generation, contents[i]);
    served_[contents[i].kind.name] = entries[i];
  }
  note_snapshot();
  return generation;
}

void SimNode::remove(const std::string& name) {
  const std::string_view names[] = {name};
  catalog_->remove(names);
  served_.erase(name);
  note_snapshot();
}

void SimNode::end_loan(const std::string& name) {
  const auto found = served_.find(name);
  if (found == served_.end()) return;
  const transfer::EntryRef entry = found->second;
  catalog_->remove_entry(*entry);
  served_.erase(found);
  note_snapshot();
  core_->cancel_reading(*entry, world_.now());
  poke();
}

Call& SimNode::open(Call::Kind kind, const NodeId& peer, const transfer::Bound& bound) {
  Call call{.kind = kind,
            .from = number_,
            .life = incarnation_,
            .opened = world_.now(),
            .explicit_end = bound.explicit_end.value_or(kNever)};
  if (const SimNode* to = world_.find(peer)) call.to = to->number();
  poke();
  return world_.ledger().open(std::move(call));
}

Call& SimNode::pull(transfer::PullSpec spec, std::vector<std::string> names, std::uint64_t most_bytes) {
  Call& call = open(Call::Kind::kPull, spec.peer, spec.bound);
  call.names = std::move(names);
  call.parts = spec.parts;
  call.into = spec.into;
  call.lane = spec.lane;
  call.handles = spec.handles;
  call.most_bytes = most_bytes;
  spec.cookie = world_.ledger().cookie_of_last();
  call.key = core_->pull(std::move(spec), world_.now());
  return call;
}

Call& SimNode::list(transfer::ListSpec spec) {
  Call& call = open(Call::Kind::kList, spec.peer, spec.bound);
  spec.cookie = world_.ledger().cookie_of_last();
  call.key = core_->list(std::move(spec), world_.now());
  return call;
}

Call& SimNode::push(transfer::PushSpec spec, const Content& content) {
  Call& call = open(Call::Kind::kPush, spec.peer, spec.bound);
  call.most_bytes = content.kind.bytes;
  spec.cookie = world_.ledger().cookie_of_last();
  auto entry = entry_of(content, loans_);
  entry->generation = catalog_->draw();
  world_.ledger().published(incarnation_, entry->generation, content);
  spec.entry = std::move(entry);
  call.key = core_->push(std::move(spec), world_.now());
  return call;
}

Call& SimNode::ping(transfer::PingSpec spec) {
  Call& call = open(Call::Kind::kPing, spec.peer, spec.bound);
  spec.cookie = world_.ledger().cookie_of_last();
  call.key = core_->ping(spec, world_.now());
  return call;
}

void SimNode::cancel(Call& call) {
  if (!alive() || call.life != incarnation_ || call.outcomes != 0) return;
  call.cancelled = true;
  call.must_succeed = false;
  core_->cancel(call.key, ErrorClass::kCancelled, world_.now());
  poke();
}

void SimNode::need_session(const NodeId& peer) { world_.dial(*this, peer); }

void SimNode::session_ended(transfer::SessionKey session, const NodeId& peer, const Error& why) {
  if (!world_.ledger().traced) return;
  world_.ledger().note(world_.now(), fmt::format("    node {} lost session {:x} with {}: {}", number_, session.value,
                                                 world_.find(peer)->number(), why.to_string()));
}

void SimNode::give_landing(TransferKey transfer, std::uint64_t bytes) {
  LandingBank& bank = LandingBank::of_this_thread();
  if (options_.landing_bytes != 0 && bank.leased_bytes(number_) + bytes > options_.landing_bytes)
    return core_->on_landing(transfer, fail(ErrorClass::kResourceExhausted, "landing", "the budget is used up"),
                             world_.now());
  core_->on_landing(transfer, bank.take(bytes, number_), world_.now());
}

void SimNode::take_landing(TransferKey transfer, std::uint64_t bytes) {
  later(manners_.landing_delay, [this, transfer, bytes] { give_landing(transfer, bytes); });
}

void SimNode::prepare(transfer::Prepare&& prepare) {
  auto kept = std::make_shared<transfer::Prepare>(std::move(prepare));
  const bool fails = world_.random().chance(manners_.prepare_fails);
  later(manners_.prepare_delay, [this, kept, fails] {
    std::byte* into = kept->into;
    for (const auto& read : kept->reads) {
      std::memcpy(into, file_bytes(*kept->file) + read.offset, read.length);
      into += read.length;
    }
    Result<void> result;
    if (fails) result = fail(ErrorClass::kResourceExhausted, "read", "the disk says no");
    core_->on_prepared(kept->transfer, kept->piece, std::move(result), world_.now());
  });
}

void SimNode::decide(TransferKey transfer, std::uint64_t bytes) {
  lane::FakeRandom& random = world_.random();
  if (random.chance(manners_.refuses))
    return core_->on_decision(transfer, Error(ErrorClass::kOverloaded, "receive", "not wanted"), world_.now());
  transfer::Accept accept;
  if (bytes != 0 && random.chance(manners_.brings_memory)) {
    accept.size = bytes;
    accept.into = caller_memory_.add(bytes);
    accepted_into_[transfer.value] = accept.into;
  }
  core_->on_decision(transfer, accept, world_.now());
}

void SimNode::offered(transfer::AskOffer&& offer) {
  const TransferKey transfer = offer.transfer;
  held_[transfer.value] = offer.bytes;
  if (world_.random().chance(manners_.holds)) return;
  later(manners_.decision_delay, [this, transfer, bytes = offer.bytes] {
    if (held_.erase(transfer.value) != 0) decide(transfer, bytes);
  });
}

void SimNode::offer_gone(TransferKey transfer) { held_.erase(transfer.value); }

void SimNode::release_offers() {
  for (const auto& [transfer, bytes] : std::exchange(held_, {})) {
    TransferKey key;
    key.value = transfer;
    decide(key, bytes);
  }
  poke();
}

void SimNode::break_sessions() {
  world_.after(std::chrono::microseconds(1), [this, life = life_] {
    if (life != life_) return;
    lane::FakeRandom& random = world_.random();
    const bool rail = !rail_lanes_.empty() && random.chance(0.5);
    lane::FakeLane& lane = rail ? *rail_lanes_[random.below(rail_lanes_.size())] : *stream_;
    for (std::uint32_t channel = 1; channel <= 8; ++channel)
      world_.network().reset(lane, lane::Channel{channel}, Duration{}, Duration{});
    poke();
  });
}

void SimNode::finished(Outcome&& outcome) {
  if ((outcome.cookie & kFeedCookie) != 0) {
    if (on_feed_over) on_feed_over(outcome);
    return;
  }
  memory::Landing* landing = nullptr;
  if (auto* pulled = std::get_if<transfer::Pulled>(&outcome.result)) landing = &pulled->landing;
  if (auto* received = std::get_if<transfer::Received>(&outcome.result)) landing = &received->landing;
  if (landing != nullptr && *landing) {
    LandingBank::Cell* cell = LandingBank::of_this_thread().find(landing->data());
    if (cell != nullptr) cell->writable = false;
  }
  const bool receives = std::holds_alternative<transfer::Received>(outcome.result) ||
                        std::holds_alternative<transfer::ReceiveFailed>(outcome.result);
  if (receives) {
    const auto into = accepted_into_.find(outcome.transfer.value);
    const std::byte* memory = into == accepted_into_.end() ? nullptr : into->second;
    if (std::holds_alternative<transfer::Received>(outcome.result)) {
      world_.ledger().received(outcome, memory);
      if (world_.random().chance(manners_.loses_receipts)) break_sessions();
    }
    if (memory != nullptr) {
      caller_memory_.close(memory);
      accepted_into_.erase(into);
    }
  } else {
    world_.ledger().finished(outcome, world_.now());
    if (outcome.cookie != 0)
      for (const transfer::Into& into : world_.ledger().at(outcome.cookie).into)
        if (into.data != nullptr) caller_memory_.close(into.data);
  }
  if (landing != nullptr && *landing && manners_.keeps_landings.count() != 0) {
    const std::uint64_t kept = next_kept_++;
    kept_.emplace(kept, std::move(*landing));
    later(manners_.keeps_landings, [this, kept] { kept_.erase(kept); });
  }
  last = std::move(outcome);
}

}  // namespace weft::sim
