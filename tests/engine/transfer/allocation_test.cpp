#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#include <weft/lane/framed.hpp>
#include <weft/transfer/driver.hpp>

#include "tests/conformance/plain_pipe.hpp"

using namespace weft;
using namespace weft::transfer;

namespace {

std::atomic<std::size_t> allocations{0};

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

  TimePoint now{std::chrono::hours(1)};
  Catalog catalog;
  memory::LandingPool pool{{}};
  std::unique_ptr<lane::FramedLane> framed;
  Core core;
  Driver driver;
  std::size_t outcomes = 0;
  std::size_t good = 0;
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

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc{};
}
// Not inlined: g++ takes the pair of a hooked new and free for a mismatch.
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

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
