#include <tests/sim/grain_scenario.hpp>

#include <algorithm>
#include <cstring>
#include <variant>

#include <fmt/format.h>

#include <weft/wire/digest.hpp>

namespace weft::sim {

using namespace std::chrono_literals;
using transfer::GrainArrived;
using transfer::GrainEnded;
using transfer::GrainHeader;

GrainScenario::GrainScenario(std::uint64_t seed, bool traced, Rails rails) : world_(seed), rails_(rails) {
  world_.ledger().traced = traced;
}

std::vector<Lane> GrainScenario::draw_rails() {
  if (rails_ == Rails::kAny && chance(0.2)) return {};
  if (rails_ == Rails::kAny && chance(0.6)) return {Lane::kTcp};
  if (chance(0.5)) return {Lane::kVerbs};
  return {Lane::kVerbs, Lane::kTcp};
}

void GrainScenario::build() {
  const std::size_t nodes = 2 + below(3);
  for (std::size_t n = 0; n < nodes; ++n) {
    SimNode& node = world_.add_node({.rails = draw_rails(),
                                     .never_full = chance(0.3),
                                     .reads_at_post = chance(0.3),
                                     .finishes_on_arrival = chance(0.3),
                                     .virtual_addresses = chance(0.3),
                                     .rail_messages = rails_ == Rails::kWithMessages || chance(0.5),
                                     .peers_take_messages = chance(0.9),
                                     .locked_bytes = chance(0.1) ? below(200'000) : 0});
    node.on_grain = [this, n](const transfer::GrainEvent& event) { on_event(n, event); };
    node.on_feed_over = [this](const transfer::Outcome& outcome) {
      const auto which = static_cast<std::size_t>(outcome.cookie & ~SimNode::kFeedCookie);
      Feed& feed = feeds_[which];
      if (feed.key != outcome.transfer) return;
      feed.open = feed.up = false;
      world_.after(1ms + up_to(20ms), [this, which] { open_feed(which); });
    };
    for (std::size_t m = 0; m < nodes; ++m) {
      lane::FakeLink link;
      link.latency = 5us + up_to(chance(0.3) ? 2ms : 50us);
      link.jitter =
          chance(0.5) ? up_to(chance(0.3) ? 3ms : 300us) : Duration{};  // of the stream and of rails each its own
      link.bytes_per_second = chance(0.5) ? 2e9 : 1e8;
      world_.network().set_link(static_cast<lane::FakeNode>(n), static_cast<lane::FakeNode>(m), link);
    }
  }
  for (std::size_t count = 1 + below(3); count > 0; --count) {
    TargetSide target{.number = targets_.size(), .node = below(nodes)};
    for (std::byte& byte : target.token) byte = static_cast<std::byte>(world_.random().next());
    target.initiators = 1 + static_cast<std::uint32_t>(below(2));
    target.grains = target.initiators + static_cast<std::uint32_t>(below(chance(0.3) ? 40 : 6));
    target.slices = 1 + static_cast<std::uint32_t>(below(3));
    target.grain_bytes = target.slices * (chance(0.2) ? 100'000 + below(400'000) : 1 + below(3000));
    target.reads_after = chance(0.5) ? Duration{} : up_to(3ms);
    targets_.push_back(std::move(target));
    open_target(targets_.back());
    for (std::uint32_t i = 0; i < targets_.back().initiators; ++i) {
      Feed feed{.node = below(nodes), .target = targets_.size() - 1};
      if (feed.node == targets_.back().node) feed.node = (feed.node + 1) % nodes;
      feed.next_index = feeds_.size() * 1'000'003;  // an index tells the feed
      feeds_.push_back(std::move(feed));
    }
  }
  for (std::size_t f = 0; f < feeds_.size(); ++f) {
    world_.after(up_to(1ms), [this, f] { open_feed(f); });
    world_.after(up_to(2ms), [this, f] { pump(f); });
  }
}

void GrainScenario::open_target(TargetSide& target) {
  SimNode& node = world_.node(target.node);
  target.life = node.life();
  target.held.clear();
  target.memory = node.caller_memory(target.grains * target.grain_bytes);
  target.headers = node.caller_memory(target.grains * sizeof(GrainHeader));
  std::memset(target.headers, 0, target.grains * sizeof(GrainHeader));
  transfer::RingSpec spec{.name = fmt::format("ring {}", target.number),
                          .token = target.token,
                          .slices = target.slices,
                          .initiators = target.initiators,
                          .headers = {reinterpret_cast<GrainHeader*>(target.headers), target.grains}};
  for (std::uint32_t i = 0; i < target.grains; ++i)
    spec.slots.emplace_back(target.memory + i * target.grain_bytes, target.grain_bytes);
  const auto opened = node.core().open_ring(std::move(spec));
  expect(opened.has_value(), "a ring could not be opened");
  if (!opened) return;
  target.key = *opened;
  target.closed = false;
  node.poke();
}

void GrainScenario::close_target(TargetSide& target) {
  SimNode& node = world_.node(target.node);
  if (!usable(target.node) || target.life != node.life() || target.closed) return;
  node.core().close_ring(target.key, world_.now());
  node.poke();
}

void GrainScenario::open_feed(std::size_t f) {
  Feed& feed = feeds_[f];
  const TargetSide& target = targets_[feed.target];
  if (feed.open) return;
  if (!usable(feed.node)) {
    world_.after(5ms, [this, f] { open_feed(f); });
    return;
  }
  SimNode& node = world_.node(feed.node);
  feed.life = node.life();
  feed.open = true;
  if (feed.by_index.contains(feed.next_index)) ++feed.next_index;  // slices of another life are not gone on with
  feed.key = node.core().open_feed({.peer = world_.node(target.node).id(),
                                    .token = target.token,
                                    .grains = target.grains,
                                    .slices = target.slices,
                                    .grain_bytes = target.grain_bytes,
                                    .bound = {.explicit_end = world_.now() + 2s},
                                    .cookie = f | SimNode::kFeedCookie},
                                   world_.now());
  node.poke();
}

void GrainScenario::send_one(std::size_t f) {
  Feed& feed = feeds_[f];
  const TargetSide& target = targets_[feed.target];
  Send send{.feed = f};
  if (const auto old = feed.by_index.find(feed.next_index);
      old != feed.by_index.end() && sends_[old->second - 1].ends != 0 && !sends_[old->second - 1].ok)
    ++feed.next_index;  // nor with a grain of which slices failed
  const bool in_parts = target.slices > 1 && chance(0.4);
  send.index = feed.next_index;
  send.first = 0;
  send.last = target.slices;
  if (in_parts) {
    const Send* before = feed.by_index.contains(send.index) ? &sends_[feed.by_index[send.index] - 1] : nullptr;
    send.first = before == nullptr ? 0 : before->last;
    send.last = send.first + 1 + static_cast<std::uint32_t>(below(target.slices - send.first));
  } else if (feed.by_index.contains(send.index)) {
    ++send.index;  // the rest of it is given up
    feed.next_index = send.index;
  }
  if (chance(0.05) && !feed.by_index.contains(send.index)) send.first = send.last = 0;
  if (chance(0.05) && send.first == 0) feed.next_index = send.index += below(5);  // some are left out
  const std::uint64_t slice = target.grain_bytes / target.slices;
  send.bytes.resize((send.last - send.first) * slice);
  for (std::size_t i = 0; i < send.bytes.size(); ++i)
    send.bytes[i] = static_cast<std::byte>((send.index * 31 + f * 7 + send.first + i * 13) >> 2);
  const std::uint64_t cookie = sends_.size() + 1;
  world_.ledger().note(world_.now(), fmt::format("feed {} sends {}: index {}, slices {} to {}", f, cookie - 1,
                                                 send.index, send.first, send.last));
  feed.by_index[send.index] = cookie;
  if (send.last == target.slices || send.last == 0) ++feed.next_index;
  sends_.push_back(std::move(send));
  Send& kept = sends_.back();
  // Gathered from as many places as chance will have it.
  std::size_t at = 0;
  for (std::uint64_t n = 1 + below(6); at < kept.bytes.size(); --n) {
    const std::size_t size = n == 1 ? kept.bytes.size() - at : 1 + below(kept.bytes.size() - at);
    kept.parts.push_back({.data = kept.bytes.data() + at, .size = size});
    at += size;
    if (n == 1) break;
  }
  SimNode& node = world_.node(feed.node);
  const bool taken =
      node.core().send_grain(feed.key, {.index = kept.index,
                                        .first_slice = kept.first,
                                        .last_slice = kept.last,
                                        .parts = kept.parts,
                                        .deadline = chance(0.1) && !healed_ ? world_.now() + 1ms : kNever,
                                        .cookie = cookie});
  if (!taken) kept.ends = 1;  // as if it had failed at once
  node.poke();
}

void GrainScenario::pump(std::size_t f) {
  const Feed& feed = feeds_[f];
  if (feed.open && usable(feed.node) && world_.node(feed.node).life() == feed.life)
    for (std::uint64_t n = 1 + below(8); n > 0; --n) send_one(f);
  if (sends_.size() < 400) world_.after(up_to(2ms), [this, f] { pump(f); });
}

void GrainScenario::trickle(std::size_t f) {
  const Feed& feed = feeds_[f];
  const bool large = targets_[feed.target].grain_bytes > 10'000;
  if (feed.up && usable(feed.node) && world_.node(feed.node).life() == feed.life)
    for (std::uint64_t n = large ? 1 : 1 + below(6); n > 0; --n) send_one(f);
  if (sends_.size() < 900 && world_.now() < trickles_until_)
    world_.after(up_to(large ? 1s : 100ms), [this, f] { trickle(f); });
}

void GrainScenario::release(std::size_t t, std::uint32_t slot) {
  TargetSide& target = targets_[t];
  SimNode& node = world_.node(target.node);
  if (target.closed || !node.alive() || node.life() != target.life || !target.held.contains(slot)) return;
  expect(target.held[slot] == wire::leaf_of({target.memory + slot * target.grain_bytes, target.grain_bytes}),
         "a slot changed while its reader held it");
  target.held.erase(slot);
  expect(node.core().release_slot(target.key, slot, world_.now()), "a slot that is held could not be released");
  node.poke();
}

void GrainScenario::arrived(std::size_t node, const GrainArrived& event) {
  const auto found = std::ranges::find_if(targets_, [&](const TargetSide& target) {
    return target.node == node && target.key == event.ring && target.life == world_.node(node).life();
  });
  if (found == targets_.end()) return expect(false, "a grain of no ring");
  TargetSide& target = *found;
  const auto t = static_cast<std::size_t>(found - targets_.begin());
  expect(!target.held.contains(event.slot), "a slot was written while its reader held it");
  const std::uint64_t slice = target.grain_bytes / target.slices;
  const auto lies_there = [&](const Send& one) {
    const std::byte* at = target.memory + event.slot * target.grain_bytes + one.first * slice;
    return feeds_[one.feed].target == t && world_.node(feeds_[one.feed].node).id() == event.from &&
           one.index == event.index && std::equal(one.bytes.begin(), one.bytes.end(), at);
  };
  Send* send = nullptr;
  for (Send& one : sends_)
    if (one.deliveries == 0 && one.last == event.valid_slices && lies_there(one)) send = &one;
  if (send == nullptr) return expect(false, "a grain that nobody sent, or told before, or not those bytes");
  // Announcements of its earlier slices may have been seen together with this one.
  for (Send& one : sends_)
    if (one.deliveries == 0 && one.feed == send->feed && one.last != 0 && one.last < event.valid_slices &&
        lies_there(one))
      one.deliveries = 1;
  ++send->deliveries;
  if (!event.complete) return;
  target.held[event.slot] = wire::leaf_of({target.memory + event.slot * target.grain_bytes, target.grain_bytes});
  world_.after(up_to(target.reads_after), [this, t, slot = event.slot] { release(t, slot); });
}

void GrainScenario::on_event(std::size_t node, const transfer::GrainEvent& event) {
  if (world_.ledger().traced) {
    if (const auto* grain = std::get_if<GrainArrived>(&event))
      world_.ledger().note(world_.now(),
                           fmt::format("node {}: grain {} in slot {}, {} slices{}", node, grain->index, grain->slot,
                                       grain->valid_slices, grain->complete ? ", whole" : ""));
    else if (const auto* ended = std::get_if<GrainEnded>(&event))
      world_.ledger().note(world_.now(), fmt::format("node {}: send {} ended {}", node, ended->cookie - 1,
                                                     ended->error ? ended->error->to_string() : "well"));
    else
      world_.ledger().note(world_.now(), fmt::format("node {}: grain event {}", node, event.index()));
  }
  if (const auto* grain = std::get_if<GrainArrived>(&event)) return arrived(node, *grain);
  if (const auto* ended = std::get_if<GrainEnded>(&event)) {
    Send& send = sends_[ended->cookie - 1];
    expect(++send.ends == 1, "a send ended twice");
    send.ok = !ended->error;
    send.may_have = ended->error && ended->error->may_have_arrived();
    expect(!send.ok || send.deliveries > 0, "a send ended well that was not delivered");
    send.bytes.assign(send.bytes.begin(), send.bytes.end());
    return;
  }
  if (const auto* up = std::get_if<transfer::FeedUp>(&event)) {
    for (Feed& feed : feeds_)
      if (feed.node == node && feed.key == up->feed) feed.up = true;
    return;
  }
  if (const auto* closed = std::get_if<transfer::GrainRingClosed>(&event))
    for (TargetSide& target : targets_)
      if (target.node == node && target.key == closed->ring && target.life == world_.node(node).life()) {
        target.closed = true;
        world_.node(node).memory().close(target.memory);
        world_.node(node).memory().close(target.headers);
        world_.after(up_to(2ms), [this, &target] {
          if (target.closed && usable(target.node)) open_target(target);
        });
      }
}

GrainResult GrainScenario::run() {
  build();
  if (chance(0.85))
    for (std::uint64_t n = 1 + below(5); n > 0; --n)
      world_.after(up_to(chance(0.5) ? 20ms : 300ms), [this] { fault(); });
  world_.run_for(500ms);
  heal();
  // Rings that took a lesser rail go back to the better one meanwhile, with grains under way, and lose it again.
  trickles_until_ = world_.now() + 10s;
  for (std::size_t f = 0; f < feeds_.size(); ++f) world_.after(up_to(100ms), [this, f] { trickle(f); });
  if (chance(0.7))
    for (std::uint64_t n = 1 + below(5); n > 0; --n) world_.after(up_to(7s), [this] { lose_rails(); });
  world_.run_for(12s);  // everybody has found out who is gone, and is connected again
  const std::size_t before = sends_.size();
  std::vector<std::size_t> last;
  for (std::size_t f = 0; f < feeds_.size(); ++f) {
    expect(feeds_[f].up, fmt::format("feed {} is not up after healing", f));
    if (!feeds_[f].up) continue;
    for (int n = 0; n < 5; ++n) send_one(f);
  }
  world_.run_for(8s);
  for (std::size_t i = 0; i < sends_.size(); ++i) {
    const Send& send = sends_[i];
    expect(send.ends == 1, fmt::format("send {} has ended {} times", i, send.ends));
    expect(send.deliveries <= 1, fmt::format("send {} was delivered {} times", i, send.deliveries));
    expect(!send.ok || send.deliveries == 1, fmt::format("send {} ended well and was not delivered", i));
    expect(send.ok || send.may_have || send.deliveries == 0, fmt::format("send {} failed and was delivered", i));
    if (i >= before && send.parts.size() > 0 && !send.ok)
      expect(false, fmt::format("send {} did not arrive after healing", i));
  }
  for (std::size_t n = 0; n < world_.nodes(); ++n)
    expect(world_.node(n).memory().changed() == 0, "a ring that was closed changed afterwards");
  GrainResult result{.breaches = world_.ledger().breaches(), .sends = sends_.size()};
  for (const Send& send : sends_) result.arrived += send.ok ? 1 : 0;
  return result;
}

}  // namespace weft::sim
