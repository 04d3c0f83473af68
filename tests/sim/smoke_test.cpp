#include <catch2/catch_test_macros.hpp>

#include <tests/sim/world.hpp>

namespace weft::sim {
namespace {

TensorKind kind_of(std::string name, std::int64_t bytes, Home home = Home::kMemory) {
  TensorKind kind{.name = std::move(name), .home = home};
  kind.meta.shape = Shape{bytes};
  kind.bytes = kind.extent = static_cast<std::uint64_t>(bytes);
  return kind;
}

/// A server (node 0) and a client (node 1).
struct Pair {
  explicit Pair(bool fabric) : Pair({.rails = fabric ? std::vector{Lane::kTcp} : std::vector<Lane>{}}, fabric) {}
  explicit Pair(const SimNodeOptions& of_server, bool fabric = true) : world(7) {
    world.add_node(of_server);
    world.add_node({.rails = fabric ? of_server.rails : std::vector<Lane>{}});
  }
  SimNode& server() { return world.node(0); }
  SimNode& client() { return world.node(1); }
  Call& pull(const std::vector<std::string>& names, transfer::Bound bound = {}) {
    transfer::PullSpec spec{.peer = server().id(), .names = names, .bound = bound};
    return client().pull(std::move(spec), names, 16 * 1024 * 1024);
  }
  void settle() {
    server().last = {};
    client().last = {};
    world.run_for(std::chrono::seconds(5));
    world.check_settled();
    for (const std::string& breach : world.ledger().breaches()) UNSCOPED_INFO(breach);
    CHECK(world.ledger().breaches().empty());
  }
  World world;
};

void pulls(bool fabric, std::int64_t bytes, Home home) {
  Pair pair(fabric);
  lane::FakeRandom random(3);
  pair.server().publish({random_content(kind_of("a", bytes, home), random)});
  for (int i = 0; i < 3; ++i) {
    Call& call = pair.pull({"a"});
    CHECK(pair.world.run_calls(std::chrono::seconds(10)));
    INFO(call.error);
    CHECK(call.ok);
    CHECK(call.outcomes == 1);
  }
  pair.settle();
}

}  // namespace

TEST_CASE("simulator: a small tensor comes inside the answer", "[sim]") { pulls(false, 4000, Home::kMemory); }
TEST_CASE("simulator: an empty tensor comes", "[sim]") { pulls(false, 0, Home::kMemory); }
TEST_CASE("simulator: a MiB comes over the session's stream", "[sim]") { pulls(false, 1 << 20, Home::kMemory); }
TEST_CASE("simulator: a MiB comes over a rail opened by pass", "[sim]") { pulls(true, 3 << 20, Home::kMemory); }
TEST_CASE("simulator: a file's bytes come", "[sim]") {
  pulls(true, 1'000'001, Home::kFile);
  pulls(false, 100, Home::kFile);
}

TEST_CASE("simulator: a lane of registered memory is told of what it sends, from memory and from files", "[sim]") {
  for (const Home home : {Home::kMemory, Home::kFile}) {
    Pair pair({.rails = {Lane::kVerbs}});
    lane::FakeRandom random(3);
    pair.server().publish({random_content(kind_of("a", 3 << 20, home), random)});
    for (int i = 0; i < 3; ++i) {
      transfer::PullSpec spec{.peer = pair.server().id(), .names = {"a"}, .lane = Lane::kVerbs};
      Call& call = pair.client().pull(std::move(spec), {"a"}, 16 << 20);
      CHECK(pair.world.run_calls(std::chrono::seconds(10)));
      INFO(call.error);
      CHECK(call.ok);
      CHECK(std::get<transfer::Pulled>(pair.client().last.result).lane == Lane::kVerbs);
    }
    pair.settle();
  }
}

TEST_CASE("simulator: what may not be registered travels over another lane, and a call that names the lane ends",
          "[sim]") {
  Pair pair({.rails = {Lane::kVerbs}, .locked_bytes = 1 << 20});
  lane::FakeRandom random(3);
  pair.server().publish({random_content(kind_of("a", 3 << 20), random)});
  const auto pull = [&](Lane lane) {
    transfer::PullSpec spec{.peer = pair.server().id(), .names = {"a"}, .lane = lane};
    Call& call = pair.client().pull(std::move(spec), {"a"}, 16 << 20);
    CHECK(pair.world.run_calls(std::chrono::seconds(10)));
    return call;
  };
  const Call named = pull(Lane::kVerbs);
  CHECK_FALSE(named.ok);
  CHECK(named.error.find("the limit of locked memory is reached") != std::string::npos);
  for (int i = 0; i < 3; ++i) {
    const Call any = pull(Lane::kAuto);
    INFO(any.error);
    CHECK(any.ok);
    CHECK(std::get<transfer::Pulled>(pair.client().last.result).lane == Lane::kTls);
  }
  pair.settle();
}

TEST_CASE("simulator: a pull by handle whose size is known takes one round trip, and two when it has changed",
          "[sim]") {
  Pair pair(true);
  lane::FakeRandom random(3);
  lane::FakeLink far;
  far.latency = std::chrono::milliseconds(10);
  pair.world.network().set_link(0, 1, far);
  pair.world.network().set_link(1, 0, far);
  const auto round_trips = [&](std::uint64_t known_bytes) {
    const transfer::EntryRef entry = pair.server().served().at("a");
    transfer::PullSpec spec{.peer = pair.server().id(),
                            .handles = {{.incarnation = pair.server().incarnation(),
                                         .index = entry->index,
                                         .generation = entry->generation}},
                            .known_bytes = known_bytes};
    Call& call = pair.client().pull(std::move(spec), {"a"}, 1 << 20);
    CHECK(pair.world.run_calls(std::chrono::seconds(10)));
    INFO(call.error);
    CHECK(call.ok);
    return (call.ended - call.opened) / (2 * far.latency);
  };
  pair.server().publish({random_content(kind_of("a", 300'000), random)});
  round_trips(0);  // the session and its rail come up
  CHECK(round_trips(0) == 2);
  CHECK(round_trips(300'000) == 1);
  CHECK(round_trips(300'000) == 1);
  CHECK(round_trips(200'000) == 2);  // the grant is for another size: the offer voids it
  pair.server().publish({random_content(kind_of("a", 4'000), random)});
  CHECK(round_trips(300'000) == 1);  // answered inline, whatever was granted
  pair.settle();
}

TEST_CASE("simulator: a large transfer uses the rail once it is up", "[sim]") {
  Pair pair(true);
  lane::FakeRandom random(3);
  pair.server().publish({random_content(kind_of("a", 3 << 20), random)});
  pair.pull({"a"});
  REQUIRE(pair.world.run_calls(std::chrono::seconds(10)));
  pair.pull({"a"});
  REQUIRE(pair.world.run_calls(std::chrono::seconds(10)));
  REQUIRE(std::holds_alternative<transfer::Pulled>(pair.client().last.result));
  CHECK(std::get<transfer::Pulled>(pair.client().last.result).lane == Lane::kTcp);
  pair.settle();
}

TEST_CASE("simulator: a rail that takes no write though none is out is asked again", "[sim]") {
  for (const unsigned every : {2u, 3u, 7u}) {
    CAPTURE(every);
    Pair pair({.refuses_every = every});
    lane::FakeRandom random(3);
    pair.server().publish({random_content(kind_of("a", 3 << 20), random)});
    for (int i = 0; i < 3; ++i) {
      transfer::PullSpec spec{.peer = pair.server().id(), .names = {"a"}, .lane = Lane::kTcp};
      Call& call = pair.client().pull(std::move(spec), {"a"}, 16 << 20);
      CHECK(pair.world.run_calls(std::chrono::seconds(10)));
      INFO(call.error);
      CHECK(call.ok);
    }
    pair.settle();
  }
}

TEST_CASE("simulator: a push is told Ok when its receipt came, and is delivered", "[sim]") {
  Pair pair(true);
  lane::FakeRandom random(4);
  for (const std::int64_t bytes : {0, 5000, 700'000}) {
    transfer::PushSpec spec{.peer = pair.server().id()};
    Call& call = pair.client().push(std::move(spec), random_content(kind_of("p", bytes), random));
    REQUIRE(pair.world.run_calls(std::chrono::seconds(10)));
    INFO(call.error);
    CHECK(call.ok);
    CHECK(std::holds_alternative<transfer::Received>(pair.server().last.result));
  }
  pair.world.ledger().close();
  pair.settle();
}

TEST_CASE("simulator: a listing tells every entry, a ping the round trip", "[sim]") {
  Pair pair(true);
  lane::FakeRandom random(4);
  pair.server().publish({random_content(kind_of("a", 10), random), random_content(kind_of("b", 20), random)});
  pair.client().list({.peer = pair.server().id(), .pattern = "*"});
  REQUIRE(pair.world.run_calls(std::chrono::seconds(10)));
  REQUIRE(std::holds_alternative<transfer::Listed>(pair.client().last.result));
  CHECK(std::get<transfer::Listed>(pair.client().last.result).entries.size() == 2);
  pair.client().ping({.peer = pair.server().id()});
  REQUIRE(pair.world.run_calls(std::chrono::seconds(10)));
  REQUIRE(std::holds_alternative<transfer::Pinged>(pair.client().last.result));
  CHECK(std::get<transfer::Pinged>(pair.client().last.result).round_trip > Duration{});
  pair.settle();
}

TEST_CASE("simulator: in a batch the name that is not there fails alone", "[sim][T-F5]") {
  Pair pair(true);
  lane::FakeRandom random(4);
  pair.server().publish({random_content(kind_of("a", 300'000), random), random_content(kind_of("b", 20), random)});
  Call& call = pair.pull({"a", "nothing", "b"});
  REQUIRE(pair.world.run_calls(std::chrono::seconds(10)));
  CHECK(call.error.find("NotFound") != std::string::npos);
  const auto& items = std::get<transfer::Pulled>(pair.client().last.result).items;
  CHECK(!items[0].error);
  CHECK(items[1].error);
  CHECK(!items[2].error);
  pair.settle();
}

TEST_CASE("simulator: a cancelled pull ends Cancelled and its landing comes back", "[sim]") {
  for (const bool fabric : {false, true}) {
    Pair pair(fabric);
    lane::FakeRandom random(4);
    pair.server().publish({random_content(kind_of("a", 3 << 20), random)});
    Call& call = pair.pull({"a"});
    pair.world.run_for(std::chrono::microseconds(700));
    pair.client().cancel(call);
    REQUIRE(pair.world.run_calls(std::chrono::seconds(1)));
    CHECK(call.error.find("Cancelled") != std::string::npos);
    pair.settle();
  }
}

TEST_CASE("simulator: a deadline that nobody can keep ends DeadlineExceeded in time", "[sim][T-W6][N6]") {
  Pair pair(true);
  lane::FakeRandom random(4);
  pair.server().publish({random_content(kind_of("a", 3 << 20), random)});
  Call& call = pair.pull({"a"}, {.explicit_end = pair.world.now() + std::chrono::microseconds(600)});
  REQUIRE(pair.world.run_calls(std::chrono::seconds(1)));
  CHECK(call.error.find("DeadlineExceeded") != std::string::npos);
  pair.settle();
}

}  // namespace weft::sim
