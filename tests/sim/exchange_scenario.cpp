#include <tests/sim/exchange_scenario.hpp>

#include <fmt/format.h>

namespace weft::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration kSpan = 2s;
constexpr Duration kSoon = 3s;  // a rail that does not finish what was posted is closed after two

}  // namespace

ExchangeScenario::ExchangeScenario(std::uint64_t seed, bool traced) : world_(seed) { world_.ledger().traced = traced; }

void ExchangeScenario::build() {
  refuses_ = chance(0.2);
  for (int k = 0; k < 5; ++k) kinds_.push_back(random_kind("t" + std::to_string(k), k == 0 ? 0 : 1, world_.random()));
  kinds_.push_back(random_kind("large", 4, world_.random()));
  const std::vector<Lane> rails = chance(0.5)   ? std::vector{Lane::kVerbs}
                                  : chance(0.5) ? std::vector{Lane::kVerbs, Lane::kEfa}
                                                : std::vector{Lane::kVerbs, Lane::kTcp};
  for (int n = 0; n < 2; ++n) {
    SimNode& node = world_.add_node({.rails = rails,
                                     .never_full = chance(0.3),
                                     .reads_at_post = chance(0.3),
                                     .finishes_on_arrival = chance(0.5),
                                     .peers_take_messages = chance(0.95)});
    if (chance(0.5)) node.manners().decision_delay = up_to(5ms);
    if (chance(0.5)) node.manners().landing_delay = up_to(5ms);
    if (refuses_) node.manners().refuses = 0.3;
    std::vector<Content> contents;
    for (const TensorKind& kind : kinds_) contents.push_back(random_content(kind, world_.random()));
    node.publish(contents);
    for (int m = 0; m < 2; ++m) {
      lane::FakeLink link;
      link.latency = 5us + up_to(chance(0.3) ? 2ms : 50us);
      link.jitter = chance(0.7) ? up_to(3ms) : Duration{};  // of the stream and of rails each its own
      link.bytes_per_second = 2e9;
      world_.network().set_link(static_cast<lane::FakeNode>(n), static_cast<lane::FakeNode>(m), link);
    }
  }
}

void ExchangeScenario::call() {
  SimNode& from = world_.node(below(2));
  SimNode& to = world_.node(1 - from.number());
  const bool large = chance(0.2);
  const TensorKind& kind = large ? kinds_.back() : kinds_[below(kinds_.size() - 1)];
  bool refusable = false;
  if (large || chance(0.6)) {
    transfer::PullSpec spec{.peer = to.id(), .names = {kind.name}};
    Call& pulled = from.pull(std::move(spec), {kind.name}, 2 * kind.bytes + 512 * 1024);
    pulled.must_succeed = true;
  } else {
    refusable = refuses_;
    Call& pushed = from.push({.peer = to.id()}, random_content(kind, world_.random()));
    pushed.must_succeed = !refusable;
  }
  if (!chance(0.1)) return;
  const std::uint64_t cookie = world_.ledger().cookie_of_last();
  world_.ledger().at(cookie).must_succeed = false;
  world_.after(up_to(3ms), [this, &from, cookie] { from.cancel(world_.ledger().at(cookie)); });
}

void ExchangeScenario::lose_rails() {
  SimNode& node = world_.node(below(2));
  const auto& lanes = node.rail_lanes();
  lane::FakeLane& lane = *lanes[below(lanes.size())];
  world_.ledger().note(world_.now(), fmt::format("rails of node {} are lost", node.number()));
  for (std::uint32_t channel = 1; channel <= 60; ++channel)
    world_.network().reset(lane, lane::Channel{channel}, up_to(3ms), up_to(3ms));
  node.poke();
}

ExchangeResult ExchangeScenario::run() {
  build();
  const auto calls = 40 + below(120);
  for (std::uint64_t n = 0; n < calls; ++n) world_.after(up_to(kSpan), [this] { call(); });
  for (std::uint64_t n = 5 + below(60); n > 0; --n) world_.after(up_to(kSpan), [this] { lose_rails(); });
  world_.run_for(kSpan);
  ExchangeResult result{.calls = world_.ledger().calls().size()};
  if (!world_.run_calls(60s)) world_.ledger().breach("a call does not end");
  for (std::size_t n = 0; n < world_.nodes(); ++n) result.by_rail += world_.node(n).core().stats().rail_messages;
  for (const Call& call : world_.ledger().calls())
    if (call.must_succeed && call.ended - call.opened > kSoon)
      world_.ledger().breach(fmt::format("a call took {} ms", (call.ended - call.opened).count() / 1'000'000));
  world_.run_for(40s);  // held offers of cancelled pushes run out
  world_.ledger().close();
  world_.check_settled();
  result.breaches = world_.ledger().breaches();
  return result;
}

}  // namespace weft::sim
