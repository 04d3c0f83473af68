#include <weft/lane/fake.hpp>

#include <algorithm>
#include <bit>
#include <catch2/catch_test_macros.hpp>
#include <vector>

using namespace weft;
using namespace weft::lane;
using namespace std::chrono_literals;

namespace {

/// Two nodes, 1 and 2, with a lane each and one channel; all events kept.
struct Pair {
  explicit Pair(Traits traits, std::uint64_t seed = 7, FakeLink link = {}) : network(seed) {
    network.set_default_link(link);
    FakeLaneOptions options{.node = 1, .traits = traits, .chunk_bytes = 4096};
    a = network.make_lane(options);
    options.node = 2;
    b = network.make_lane(options);
    std::tie(at_a, at_b) = network.connect(*a, *b);
    poll();
    for (std::size_t i = 0; i < source.size(); ++i) source[i] = static_cast<std::byte>(i * 7 + i / 256);
  }
  void poll() {
    std::array<Event, 16> some;
    while (const std::size_t count = a->poll(some))
      std::move(some.begin(), some.begin() + count, std::back_inserter(seen_a));
    while (const std::size_t count = b->poll(some))
      std::move(some.begin(), some.begin() + count, std::back_inserter(seen_b));
  }
  /// One thing happens; false when nothing is due.
  bool step() {
    if (network.next_event_time() == kNever) return false;
    network.advance_to(network.next_event_time());
    poll();
    return true;
  }
  void run() {
    poll();
    while (step()) {}
  }
  void expose() {
    auto exposed = b->expose({landing.data(), landing.size()}, at_b);
    REQUIRE(exposed);
    exposure = std::move(*exposed);
    key = exposure->key();
  }
  Posted write(std::uint32_t immediate, std::size_t size = 64 * 1024, std::uint64_t offset = 0) {
    const std::array gather{Gather{source.data(), size}};
    const std::array remote{RemoteRange{key, offset, size}};
    return a->write(at_a, gather, remote, immediate, immediate);
  }
  template <class E>
  static std::size_t count(const std::vector<Event>& events) {
    return static_cast<std::size_t>(
        std::ranges::count_if(events, [](const Event& e) { return std::holds_alternative<E>(e); }));
  }
  std::size_t landed() const {
    std::size_t same = 0;
    while (same < landing.size() && landing[same] == source[same]) ++same;
    return same;
  }
  bool is_fresh() const {
    return std::ranges::all_of(landing, [](std::byte value) { return value == std::byte{0xEE}; });
  }

  std::vector<std::byte> source = std::vector<std::byte>(64 * 1024);
  std::vector<std::byte> landing = std::vector<std::byte>(64 * 1024, std::byte{0xEE});
  FakeNetwork network;
  std::unique_ptr<FakeLane> a;
  std::unique_ptr<FakeLane> b;
  Channel at_a;
  Channel at_b;
  std::uint64_t key = 0;
  ExposurePtr exposure;
  std::vector<Event> seen_a;
  std::vector<Event> seen_b;
};

}  // namespace

TEST_CASE("fake: the same seed gives the same run, another seed another", "[lane][fake]") {
  const auto trace = [](std::uint64_t seed) {
    Pair pair{fake_unordered_traits(), seed, {.jitter = 100us, .lose_write = 0.2}};
    pair.expose();
    std::vector<std::int64_t> times;
    for (std::uint32_t i = 0; i < 20; ++i) CHECK(pair.write(i, 9000) == Posted::kTaken);
    while (pair.step()) {
      times.push_back(pair.network.now().time_since_epoch().count());
      times.push_back(static_cast<std::int64_t>(pair.seen_b.size()));
    }
    return times;
  };
  CHECK(trace(1) == trace(1));
  CHECK(trace(1) != trace(2));
}

TEST_CASE("fake: Finished comes before the bytes have landed, and they land in parts", "[lane][fake]") {
  Pair pair{fake_fabric_traits(), 7, {.latency = 10ms}};
  pair.expose();
  std::size_t parts = 0;
  pair.network.on_landed = [&](FakeLane& lane, std::byte*, std::size_t) {
    CHECK(&lane == pair.b.get());
    ++parts;
  };
  REQUIRE(pair.write(1) == Posted::kTaken);
  while (Pair::count<Finished>(pair.seen_a) == 0) REQUIRE(pair.step());
  CHECK(pair.is_fresh());
  pair.run();
  CHECK(pair.landing == pair.source);
  CHECK(parts > 10);
  CHECK(Pair::count<Arrived>(pair.seen_b) == 1);
}

TEST_CASE("fake: a source that is reused before Finished spoils what lands", "[lane][fake]") {
  Pair pair{fake_fabric_traits()};
  pair.expose();
  const auto sent = pair.source;
  REQUIRE(pair.write(1) == Posted::kTaken);
  pair.step();
  std::ranges::fill(pair.source, std::byte{0});
  pair.run();
  CHECK(pair.landing != sent);
}

TEST_CASE("fake: bytes of a begun write land after the exposure was revoked, and the watcher sees it", "[lane][fake]") {
  Pair pair{fake_fabric_traits()};
  pair.expose();
  REQUIRE(pair.write(1) == Posted::kTaken);
  while (pair.landed() == 0) REQUIRE(pair.step());
  REQUIRE(pair.landed() < pair.landing.size());
  pair.exposure.reset();
  std::size_t after = 0;
  pair.network.on_landed = [&](FakeLane&, std::byte* address, std::size_t) {
    after += address >= pair.landing.data() && address < pair.landing.data() + pair.landing.size() ? 1 : 0;
  };
  SECTION("until all of it has") {
    pair.run();
    CHECK(after > 0);
    CHECK(pair.landing == pair.source);
  }
  SECTION("but not after Down") {
    pair.b->close(pair.at_b);
    while (Pair::count<Down>(pair.seen_b) == 0) REQUIRE(pair.step());
    const auto before = pair.landing;
    after = 0;
    pair.run();
    CHECK(after == 0);
    CHECK(pair.landing == before);
  }
}

TEST_CASE("fake: between close and its Down bytes may still land", "[lane][fake]") {
  Pair pair{fake_fabric_traits(), 7, {.latency = 1us, .bytes_per_second = 1e9}};
  pair.expose();
  REQUIRE(pair.write(1) == Posted::kTaken);
  while (pair.landed() == 0) REQUIRE(pair.step());
  pair.b->close(pair.at_b);
  const auto at_close = pair.landed();
  pair.run();
  CHECK(pair.landed() > at_close);
}

TEST_CASE("fake: one write to a bad key kills the connection while every write reports success", "[lane][fake][X-10]") {
  Pair pair{fake_fabric_traits()};
  pair.expose();
  const std::uint64_t good = std::exchange(pair.key, pair.key + 1);
  REQUIRE(pair.write(1) == Posted::kTaken);
  pair.key = good;
  REQUIRE(pair.write(2) == Posted::kTaken);
  pair.run();
  CHECK(pair.is_fresh());
  CHECK(Pair::count<Down>(pair.seen_a) == 1);
  CHECK(Pair::count<Down>(pair.seen_b) == 1);
  REQUIRE(Pair::count<Finished>(pair.seen_a) == 2);
  for (const Event& event : pair.seen_a) {
    if (const auto* finished = std::get_if<Finished>(&event)) CHECK_FALSE(finished->failed);
  }
}

TEST_CASE("fake: a partition holds everything and a healed one lets it through", "[lane][fake]") {
  Pair pair{fake_stream_traits()};
  pair.expose();
  pair.network.partition(1, 2, true);
  REQUIRE(pair.write(1) == Posted::kTaken);
  pair.run();
  CHECK(pair.is_fresh());
  CHECK(Pair::count<Down>(pair.seen_a) + Pair::count<Down>(pair.seen_b) == 0);
  pair.network.partition(1, 2, false);
  pair.run();
  CHECK(pair.landing == pair.source);
  CHECK(Pair::count<Arrived>(pair.seen_b) == 1);
}

TEST_CASE("fake: a silent link and a silenced channel succeed locally and deliver nothing", "[lane][fake]") {
  Pair pair{fake_stream_traits()};
  pair.expose();
  SECTION("link") { pair.network.set_link(1, 2, {.silent = true}); }
  SECTION("channel") { pair.network.silence(*pair.a, pair.at_a); }
  REQUIRE(pair.write(1) == Posted::kTaken);
  pair.run();
  CHECK(Pair::count<Finished>(pair.seen_a) == 1);
  CHECK(pair.is_fresh());
  CHECK(pair.seen_b.size() == 1);
}

TEST_CASE("fake: unsealed writes are lost, corrupted by a bit and announced twice as the link says", "[lane][fake]") {
  Pair pair{fake_fabric_traits()};
  pair.expose();
  SECTION("lost") {
    pair.network.set_link(1, 2, {.lose_write = 1});
    REQUIRE(pair.write(1) == Posted::kTaken);
    pair.run();
    CHECK(Pair::count<Finished>(pair.seen_a) == 1);
    CHECK(pair.is_fresh());
  }
  SECTION("corrupted") {
    pair.network.set_link(1, 2, {.corrupt_write = 1});
    REQUIRE(pair.write(1) == Posted::kTaken);
    pair.run();
    int flipped = 0;
    for (std::size_t i = 0; i < pair.landing.size(); ++i)
      flipped += std::popcount(std::to_integer<unsigned>(pair.landing[i] ^ pair.source[i]));
    CHECK(flipped == 1);
  }
  SECTION("told twice") {
    pair.network.set_link(1, 2, {.duplicate_arrival = 1});
    REQUIRE(pair.write(1) == Posted::kTaken);
    pair.run();
    CHECK(Pair::count<Arrived>(pair.seen_b) == 2);
  }
}

TEST_CASE("fake: a sealed lane suffers none of that", "[lane][fake]") {
  Pair pair{fake_stream_traits(), 7, {.lose_write = 1, .corrupt_write = 1, .duplicate_arrival = 1}};
  pair.expose();
  REQUIRE(pair.write(1) == Posted::kTaken);
  pair.run();
  CHECK(pair.landing == pair.source);
  CHECK(Pair::count<Arrived>(pair.seen_b) == 1);
}

TEST_CASE("fake: a reset reaches the sides it is told to, when it is told to", "[lane][fake]") {
  Pair pair{fake_stream_traits()};
  pair.expose();
  REQUIRE(pair.write(1) == Posted::kTaken);
  SECTION("one side at once, the other late") {
    const TimePoint start = pair.network.now();
    pair.network.reset(*pair.a, pair.at_a, 0s, 2s);
    while (Pair::count<Down>(pair.seen_a) == 0) REQUIRE(pair.step());
    CHECK(pair.network.now() == start);
    CHECK(Pair::count<Finished>(pair.seen_a) == 1);
    while (Pair::count<Down>(pair.seen_b) == 0) REQUIRE(pair.step());
    CHECK(pair.network.now() - start == 2s);
  }
  SECTION("one side never") {
    pair.network.reset(*pair.a, pair.at_a, 0s, std::nullopt);
    pair.run();
    CHECK(Pair::count<Down>(pair.seen_a) == 1);
    CHECK(Pair::count<Down>(pair.seen_b) == 0);
  }
}

TEST_CASE("fake: a crashed node's peers hear of it after a while or never", "[lane][fake]") {
  Pair pair{fake_stream_traits()};
  pair.expose();
  REQUIRE(pair.write(1) == Posted::kTaken);
  SECTION("after a while") {
    pair.network.crash(2, 10ms);
    pair.run();
    CHECK(Pair::count<Finished>(pair.seen_a) == 1);
    CHECK(Pair::count<Down>(pair.seen_a) == 1);
  }
  SECTION("never") {
    pair.network.crash(2, std::nullopt);
    pair.run();
    CHECK(Pair::count<Down>(pair.seen_a) == 0);
  }
  CHECK(pair.seen_b.size() == 1);
  CHECK(pair.is_fresh());
}

TEST_CASE("fake: a stopped node takes nothing and its sender's window fills", "[lane][fake][F26]") {
  Pair pair{fake_stream_traits(), 7, {.in_flight_bytes = 128 * 1024}};
  pair.expose();
  pair.network.stop(2, true);
  std::uint32_t posted = 0;
  for (int lap = 0; lap < 100; ++lap) {
    while (pair.write(posted) == Posted::kTaken) ++posted;
    pair.run();
  }
  CHECK(posted < 20);
  CHECK(pair.a->room(pair.at_a) == 0);
  CHECK(pair.is_fresh());
  pair.network.stop(2, false);
  pair.run();
  CHECK(Pair::count<Arrived>(pair.seen_b) == posted);
}

TEST_CASE("fake: a lane may take every write without a word", "[lane][fake]") {
  FakeNetwork network{1};
  const auto a = network.make_lane({.node = 1, .traits = fake_fabric_traits(), .never_full = true});
  const auto b = network.make_lane({.node = 2, .traits = fake_fabric_traits()});
  const Channel channel = network.connect(*a, *b).first;
  const std::vector<std::byte> source(64 * 1024);
  const std::array gather{Gather{source.data(), source.size()}};
  const std::array remote{RemoteRange{1, 0, source.size()}};
  for (Token token = 0; token < 50'000; ++token)
    REQUIRE(a->write(channel, gather, remote, std::nullopt, token) == Posted::kTaken);
  CHECK(a->room(channel) == 0);
}

TEST_CASE("fake: a swallowed dial never ends by itself, the next one knocks", "[lane][fake]") {
  Pair pair{fake_fabric_traits()};
  const auto address = pair.b->listen();
  REQUIRE(address);
  pair.network.swallow_dials(*pair.b, 1);
  REQUIRE(pair.a->dial(*address, {}));
  pair.run();
  CHECK(Pair::count<Knock>(pair.seen_b) == 0);
  CHECK(Pair::count<Down>(pair.seen_a) == 0);
  REQUIRE(pair.a->dial(*address, {}));
  pair.run();
  CHECK(Pair::count<Knock>(pair.seen_b) == 1);
}
