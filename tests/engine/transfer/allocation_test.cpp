#include <catch2/catch_test_macros.hpp>

#include <vector>

#include <weft/lane/framed.hpp>
#include <weft/transfer/driver.hpp>

#include <tests/allocations.hpp>

#include "tests/conformance/plain_pipe.hpp"

using namespace weft;
using namespace weft::transfer;
using weft::test::allocations;

namespace {

/// One end: a core, its driver, a framed lane over a socket pair, landings from a warm pool.
struct Node final : DriverHost {
  explicit Node(std::byte name)
      : core({.self = {.bytes = {name}},
              .incarnation = {.bytes = {name}},
              .access = Access::any(),
              .random = [] { return std::uint64_t{4}; },
              .wall_clock = {}},
             catalog),
        driver(core, *this) {
    auto opened =
        lane::FramedLane::open({.traits = lane::framed_traits(weft::Lane::kTls, false),
                                .draw_key = [key = std::uint64_t{9}]() mutable { return key += 0x9E3779B97F4A7C15u; }});
    framed = std::move(*opened);
    driver.add_lane(*framed);
  }
  void need_session(const NodeId&) override {}
  void take_landing(TransferKey transfer, std::uint64_t bytes) override {
    auto warm = pool.take(bytes);
    core.on_landing(transfer, warm ? Result<memory::Landing>(std::move(*warm)) : pool.grow(bytes), now);
  }
  void prepare(Prepare&&) override {}
  void offered(AskOffer&&) override {}
  void offer_gone(TransferKey) override {}
  void finished(Outcome&& outcome) override {
    ++outcomes;
    good += std::holds_alternative<Pulled>(outcome.result) ? 1 : 0;
  }
  void session_ended(SessionKey, const NodeId&, const Error&) override {}
  /// As a reader that lets go at once, and a sender that takes its results.
  void grain(GrainEvent&& event) override {
    if (const auto* e = std::get_if<GrainArrived>(&event)) {
      ++arrived;
      core.release_slot(e->ring, e->slot, now);
    }
    if (const auto* e = std::get_if<GrainEnded>(&event)) ended += e->error ? 0 : 1;
    up = up || std::holds_alternative<FeedUp>(event);
  }

  TimePoint now{std::chrono::hours(1)};
  Catalog catalog;
  memory::LandingPool pool{{}};
  std::unique_ptr<lane::FramedLane> framed;
  Core core;
  Driver driver;
  std::size_t outcomes = 0;
  std::size_t good = 0;
  std::size_t arrived = 0, ended = 0;
  bool up = false;
};

struct Pair {
  Node server{std::byte{1}};
  Node client{std::byte{2}};
  std::vector<std::byte> memory = std::vector<std::byte>(1 << 20, std::byte{42});

  Pair() {
    auto pipes = conformance::PlainPipe::make_pair();
    const auto a = server.framed->adopt(std::move(pipes.first));
    const auto b = client.framed->adopt(std::move(pipes.second));
    REQUIRE((a && b));
    server.driver.adopt(*server.framed, *a, {.peer = {.bytes = {std::byte{2}}}, .stream = server.framed->traits()}, {});
    client.driver.adopt(*client.framed, *b,
                        {.peer = {.bytes = {std::byte{1}}}, .dialled = true, .stream = client.framed->traits()}, {});
    for (const auto& [name, bytes] : {std::pair{"small", 4096}, std::pair{"large", 1 << 20}}) {
      auto entry = std::make_shared<Entry>();
      entry->name = name;
      entry->meta.shape = Shape{bytes};
      entry->whole = Selection::whole(entry->meta).value();
      entry->bytes = static_cast<std::uint64_t>(bytes);
      entry->data = memory.data();
      server.catalog.publish({entry});
    }
  }
  void turn() {
    server.driver.turn(server.now);
    client.driver.turn(client.now);
  }
  /// Heap allocations on both loops of `count` pulls, one at a time; what the caller's own request takes is left out.
  std::size_t pulls(const char* name, std::size_t count) {
    std::vector<PullSpec> specs(count);
    for (PullSpec& spec : specs) {
      spec.peer = {.bytes = {std::byte{1}}};
      spec.names = {name};
    }
    std::size_t counted = 0;
    for (PullSpec& spec : specs) {
      const std::size_t want = client.outcomes + 1;
      const std::size_t before = allocations.load();
      client.core.pull(std::move(spec), client.now);
      while (client.outcomes < want) turn();
      counted += allocations.load() - before;
    }
    return counted;
  }
};

/// A ring of the server's that the client writes.
struct Ring {
  Ring(Pair& both, std::size_t grain_bytes) : pair(both), memory(kSlots * grain_bytes), source(grain_bytes) {
    RingSpec spec{.name = "ring", .token = kToken};
    for (std::size_t i = 0; i < kSlots; ++i)
      spec.slots.push_back(std::span(memory).subspan(i * grain_bytes, grain_bytes));
    REQUIRE(pair.server.core.open_ring(std::move(spec)).has_value());
    feed = pair.client.core.open_feed(
        {.peer = {.bytes = {std::byte{1}}}, .token = kToken, .grains = kSlots, .grain_bytes = grain_bytes},
        pair.client.now);
    while (!pair.client.up) turn();
  }
  void turn() {
    pair.server.now = pair.client.now += std::chrono::microseconds(50);
    pair.turn();
  }
  /// Heap allocations on both loops of `count` grains, from the send to the result, up to `ahead` of them at a time.
  std::size_t grains(std::size_t count, std::size_t ahead) {
    const std::size_t before = allocations.load(), ended = pair.client.ended;
    const lane::Gather part{.data = source.data(), .size = source.size()};
    for (std::size_t sent = 0; pair.client.ended != ended + count; turn())
      for (; sent != count && sent - (pair.client.ended - ended) < ahead; ++sent)
        if (!pair.client.core.send_grain(feed, {.index = index++, .last_slice = 1, .parts = {&part, 1}})) std::abort();
    return allocations.load() - before;
  }

  static constexpr std::uint32_t kSlots = 8;
  static constexpr RingToken kToken{std::byte{7}};
  Pair& pair;
  std::vector<std::byte> memory, source;
  TransferKey feed{};
  std::uint64_t index = 0;
};

}  // namespace

TEST_CASE("allocations: once warm, the core takes nothing from the heap for a pull", "[T-40]") {
  Pair pair;
  pair.pulls("small", 200);
  pair.pulls("large", 20);
  const std::size_t small = pair.pulls("small", 1000);
  const std::size_t large = pair.pulls("large", 100);
  CHECK(pair.client.good == pair.client.outcomes);
  INFO("1000 pulls of 4 KiB: " << small << " allocations; 100 of 1 MiB: " << large);
  CHECK(small == 0);
  CHECK(large == 0);
}

TEST_CASE("allocations: once warm, the core takes nothing from the heap for a grain, at either end",
          "[grains][O-W23]") {
  for (const std::size_t bytes : {4096uz, 1uz << 20}) {
    Pair pair;
    Ring ring(pair, bytes);
    ring.grains(100, 1);
    ring.grains(100, 20);
    const std::size_t alone = ring.grains(200, 1);
    const std::size_t many = ring.grains(200, 20);  // more than there are slots
    CHECK(pair.server.arrived == 600);
    INFO("grains of " << bytes << " bytes: " << alone << " allocations one at a time, " << many << " in a row");
    CHECK(alone == 0);
    CHECK(many == 0);
  }
}
