#include <catch2/catch_test_macros.hpp>

#include <weft/actors/session_pool.hpp>

using namespace std::chrono_literals;
using weft::actors::SessionPool;

namespace {

weft::NodeId node(unsigned char first) {
  weft::NodeId id;
  id.bytes[0] = static_cast<std::byte>(first);
  return id;
}

weft::transfer::SessionInfo session(std::uint64_t key, std::size_t transfers, weft::TimePoint idle_since) {
  weft::transfer::SessionInfo info;
  info.key = weft::transfer::SessionKey{{key}};
  info.established = true;
  info.transfers = transfers;
  info.idle_since = idle_since;
  return info;
}

}  // namespace

TEST_CASE("session pool: at its limit the least recently used idle session makes room, a busy one never", "[T-23]") {
  const SessionPool pool({.limit = 2});
  const weft::TimePoint now{};
  CHECK(pool.room({session(1, 0, now)}).now);
  const auto full = pool.room({session(1, 0, now + 2s), session(2, 0, now + 1s)});
  CHECK(full.now);
  REQUIRE(full.evict);
  CHECK(full.evict->value == 2);
  CHECK_FALSE(pool.room({session(1, 1, now), session(2, 3, now)}).now);
}

TEST_CASE("session pool: what nobody used for the idle time is named, and only that", "[T-22]") {
  SessionPool pool({.limit = 8, .idle = 1s});
  const weft::TimePoint now{};
  const auto idle = pool.idle({session(1, 0, now), session(2, 1, now), session(3, 0, now + 500ms)}, now + 1s);
  REQUIRE(idle.size() == 1);
  CHECK(idle[0].value == 1);
}

TEST_CASE("session pool: a failed dial is backed off twice as long each time, at most a second, until one succeeds",
          "[T-24][T-W3]") {
  SessionPool pool({});
  weft::Ticket ticket{.node = node(1), .addresses = {"tcp://127.0.0.1:1"}};
  pool.learn(ticket);
  const weft::TimePoint now{};
  CHECK(pool.not_before(node(1)) <= now);
  pool.dialled(node(1), false, now);
  CHECK(pool.not_before(node(1)) == now + 10ms);
  pool.dialled(node(1), false, now);
  CHECK(pool.not_before(node(1)) == now + 20ms);
  for (int i = 0; i < 20; ++i) pool.dialled(node(1), false, now);
  CHECK(pool.not_before(node(1)) == now + 1s);
  pool.dialled(node(1), true, now);
  CHECK(pool.not_before(node(1)) <= now);
  CHECK(pool.metrics().dials == 23);
  CHECK(pool.metrics().failed_dials == 22);
}

TEST_CASE("session pool: a ticket with new addresses forgets the old failure") {
  SessionPool pool({});
  pool.learn({.node = node(1), .addresses = {"tcp://127.0.0.1:1"}});
  pool.dialled(node(1), false, weft::TimePoint{} + 5s);
  pool.learn({.node = node(1), .addresses = {"tcp://127.0.0.1:2"}});
  CHECK(pool.not_before(node(1)) == weft::TimePoint{});
  REQUIRE(pool.ticket(node(1)) != nullptr);
  CHECK(pool.ticket(node(1))->addresses.front() == "tcp://127.0.0.1:2");
}
