#include <dirent.h>

#include <future>

#include <tests/actors/asking.hpp>
#include <weft/actors/grain_actors.hpp>
#include <weft/actors/pool_actor.hpp>

using namespace weft;
using namespace weft::actors;
using namespace weft::test;
using namespace std::chrono_literals;

namespace {

std::size_t threads() {
  std::size_t count = 0;
  DIR* dir = ::opendir("/proc/self/task");
  REQUIRE(dir != nullptr);
  while (::readdir(dir) != nullptr) ++count;
  ::closedir(dir);
  return count;
}

/// All four actors of a node, after a message to each.
struct All {
  All(caf::actor_system& system, TensorNode& node, TensorNode& other, std::vector<std::byte>& memory)
      : endpoint(spawn_endpoint(system, node)), pool(spawn_pool(system, node)) {
    caf::scoped_actor self{system};
    TargetOptions ring{.slots = {std::span(memory)}};
    target = need(spawn_target(system, need(node.open_target(std::move(ring)))));
    initiator = need(spawn_initiator(system, need(other.open_initiator())));
    const auto info = need(ask<Subscribed>(self, target, Subscribe{})).info;
    need(ask<TargetAdded>(self, initiator, AddTarget{info}));
    need(ask<Dialled>(self, pool, Dial{.peer = other.ticket()}));
    need(ask<Listed>(self, endpoint, List{.peer = other.ticket()}));
  }
  EndpointActor endpoint;
  PoolActor pool;
  TargetActor target{};
  InitiatorActor initiator{};
};

}  // namespace

TEST_CASE("actors: no thread is left behind, whichever ends first, the system, the nodes or the handles") {
  std::vector<std::byte> memory(1000);
  {  // what the process keeps for ever
    System caf;
    auto node = start();
  }
  const std::size_t before = threads();
  for (const char* first : {"handles", "system", "nodes"}) {
    CAPTURE(first);
    auto caf = std::make_unique<System>();
    auto node = std::make_unique<TensorNode>(start());
    auto other = std::make_unique<TensorNode>(start());
    auto all = std::make_unique<All>(*caf, *node, *other, memory);
    if (*first == 'n') {
      node.reset();
      other.reset();
    }
    all.reset();
    if (*first == 's') caf.reset();
    node.reset();
    other.reset();
    caf.reset();
    CHECK(soon([&] { return threads() == before; }));
  }
}

TEST_CASE("actors: what is open when an actor is ended is answered, and what comes later too") {
  System caf;
  auto node = start();
  const auto endpoint = spawn_endpoint(caf, node);
  caf::scoped_actor self{caf};
  std::promise<Result<Got>> answered;
  caf.system->spawn([&](caf::event_based_actor* asking) -> caf::behavior {
    ask_then<Got>(asking, endpoint, Receive{}, [&](Result<Got> got) { answered.set_value(std::move(got)); });
    return {[](int) {}};
  });
  need(ask<Pong>(self, endpoint, Ping{.peer = node.ticket()}));
  SECTION("by an exit message") { caf::anon_send_exit(endpoint, caf::exit_reason::user_shutdown); }
  SECTION("by being killed") { caf::anon_send_exit(endpoint, caf::exit_reason::kill); }
  CHECK(failure(answered.get_future().get()) == ErrorClass::kShuttingDown);
  CHECK(failure(ask<Listed>(self, endpoint, List{.peer = node.ticket()})) == ErrorClass::kShuttingDown);
  CHECK(failure(ask<Listed>(self, EndpointActor{}, List{.peer = node.ticket()})) == ErrorClass::kShuttingDown);
  const auto again = spawn_endpoint(caf, node);  // the node is as it was
  need(ask<Listed>(self, again, List{.peer = node.ticket()}));
}

TEST_CASE("actors: an endpoint that nobody holds answers first what it was asked") {
  System caf;
  auto server = start();
  auto client = start();
  need(server.put("t", blob(100'000, 1)));
  caf::scoped_actor self{caf};
  const auto got = ask<Got>(self, spawn_endpoint(caf, client), Get{.peer = server.ticket(), .name = "t"});
  CHECK(need(got).tensor->bytes().size() == 100'000);
}

TEST_CASE("actors: what CAF says itself is read as Weft's errors") {
  CHECK(error_of(caf::make_error(caf::sec::request_timeout)).kind() == ErrorClass::kDeadlineExceeded);
  CHECK(error_of(caf::make_error(caf::sec::request_receiver_down)).kind() == ErrorClass::kShuttingDown);
  CHECK(error_of(caf::make_error(caf::exit_reason::user_shutdown)).kind() == ErrorClass::kShuttingDown);
  CHECK(error_of(caf::make_error(caf::sec::unexpected_message)).kind() == ErrorClass::kInternal);
  CHECK(error_of(caf::error{}).kind() == ErrorClass::kInternal);
  for (std::size_t kind = 0; kind < kErrorClasses; ++kind) {
    const auto error =
        to_caf(Error(static_cast<ErrorClass>(kind), "get", "so it was").with_hint("do that").with_peer("x"));
    CHECK(error != caf::none);
    const Error read = error_of(error);
    CHECK(read.kind() == static_cast<ErrorClass>(kind));
    CHECK(read.message() == "so it was");
    CHECK(read.hint() == "do that");
    CHECK(read.context().peer == "x");
  }
}
