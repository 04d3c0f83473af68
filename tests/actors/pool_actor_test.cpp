#include <weft/actors/pool_actor.hpp>

#include <algorithm>

#include <tests/actors/asking.hpp>

using namespace weft;
using namespace weft::actors;
using namespace weft::test;
using namespace std::chrono_literals;

namespace {

struct Pair {
  System caf{};
  TensorNode server = start();
  TensorNode client = start();
  PoolActor pool = spawn_pool(caf, client);
  caf::scoped_actor self{caf};
};

std::size_t open_sessions(Pair& pair) {
  const auto all = need(ask<Sessions>(pair.self, pair.pool, ListSessions{})).sessions;
  return static_cast<std::size_t>(std::ranges::count_if(all, [](const auto& session) { return !session.closing; }));
}

}  // namespace

TEST_CASE("pool actor: a session is dialled, told of, dropped, and dialled again") {
  Pair pair;
  CHECK(need(ask<Peers>(pair.self, pair.pool, ListPeers{})).peers.empty());
  CHECK(open_sessions(pair) == 0);

  const auto dialled = need(ask<Dialled>(pair.self, pair.pool, Dial{.peer = pair.server.ticket()}));
  CHECK(dialled.report.node == pair.server.id());
  const auto sessions = need(ask<Sessions>(pair.self, pair.pool, ListSessions{})).sessions;
  REQUIRE(sessions.size() == 1);
  CHECK(sessions[0].peer == pair.server.id());
  CHECK(sessions[0].incarnation == dialled.report.incarnation);
  CHECK(sessions[0].dialled);
  CHECK(sessions[0].established);
  CHECK(sessions[0].same_host);
  CHECK(sessions[0].address == dialled.report.address);
  const auto peers = need(ask<Peers>(pair.self, pair.pool, ListPeers{})).peers;
  REQUIRE(peers.size() == 1);
  CHECK(peers[0].ticket == pair.server.ticket());
  CHECK(peers[0].connected);
  CHECK(peers[0].back_off == Duration{});

  need(ask<Dialled>(pair.self, pair.pool, Dial{.peer = pair.server.ticket()}));  // there is one: it is used
  CHECK(need(ask<PoolMetrics>(pair.self, pair.pool, AskPoolMetrics{})).dials == 1);

  CHECK(need(ask<Dropped>(pair.self, pair.pool, Drop{.peer = pair.server.id()})).sessions == 1);
  CHECK(open_sessions(pair) == 0);
  CHECK_FALSE(need(ask<Peers>(pair.self, pair.pool, ListPeers{})).peers.at(0).connected);
  CHECK(failure(ask<Dropped>(pair.self, pair.pool, Drop{.peer = pair.server.id()})) == ErrorClass::kNotFound);

  need(ask<Dialled>(pair.self, pair.pool, Dial{.peer = pair.server.ticket().to_string()}));
  const auto metrics = need(ask<PoolMetrics>(pair.self, pair.pool, AskPoolMetrics{}));
  CHECK(metrics.dials == 2);
  CHECK(metrics.failed_dials == 0);
  CHECK(metrics.hits == 1);
  CHECK(metrics.misses == 2);
  CHECK(metrics.sessions == 1);
  CHECK(metrics.limit == Pool{}.connections);
}

TEST_CASE("pool actor: a dial that fails is answered and counted") {
  Pair pair;
  const Ticket gone = pair.server.ticket();
  { const auto ended = std::move(pair.server); }
  CHECK(failure(ask<Dialled>(pair.self, pair.pool, Dial{.peer = gone})) == ErrorClass::kPeerUnreachable);
  CHECK(failure(ask<Dialled>(pair.self, pair.pool, Dial{})) == ErrorClass::kMalformed);
  const auto metrics = need(ask<PoolMetrics>(pair.self, pair.pool, AskPoolMetrics{}));
  CHECK(metrics.failed_dials >= 1);
  CHECK(metrics.dials == metrics.failed_dials);
  CHECK(metrics.sessions == 0);
}

TEST_CASE("pool actor: a node that has stopped, or is gone, is answered for with ShuttingDown") {
  Pair pair;
  need(pair.client.stop().wait());
  for (const bool gone : {false, true}) {
    CAPTURE(gone);
    if (gone) const auto ended = std::move(pair.client);
    CHECK(failure(ask<Peers>(pair.self, pair.pool, ListPeers{})) == ErrorClass::kShuttingDown);
    CHECK(failure(ask<Sessions>(pair.self, pair.pool, ListSessions{})) == ErrorClass::kShuttingDown);
    CHECK(failure(ask<Dialled>(pair.self, pair.pool, Dial{.peer = pair.server.ticket()})) == ErrorClass::kShuttingDown);
    CHECK(failure(ask<Dropped>(pair.self, pair.pool, Drop{.peer = pair.server.id()})) == ErrorClass::kShuttingDown);
    CHECK(failure(ask<PoolMetrics>(pair.self, pair.pool, AskPoolMetrics{})) == ErrorClass::kShuttingDown);
  }
}
