#include <string>

#include <catch2/catch_test_macros.hpp>

#include <weft/actors/inbox.hpp>

using weft::actors::Inbox;
using weft::transfer::TransferKey;

namespace {

weft::transfer::AskOffer offer(std::uint64_t key, std::string name, std::uint64_t bytes) {
  weft::transfer::AskOffer ask;
  ask.transfer = TransferKey{{key}};
  ask.name = std::move(name);
  ask.bytes = bytes;
  return ask;
}

weft::transfer::Received received(std::string name, std::uint64_t bytes) {
  weft::transfer::Received r;
  r.item.name = std::move(name);
  r.item.bytes = bytes;
  return r;
}

bool accepted(const Inbox::Effects& effects, std::uint64_t key) {
  for (const auto& [transfer, decision] : effects.decisions)
    if (transfer.value == key) return std::holds_alternative<weft::transfer::Accept>(decision);
  return false;
}

}  // namespace

TEST_CASE("inbox: an offer that nobody receives is held, and accepted when somebody does", "[T-12]") {
  Inbox inbox(1000);
  Inbox::Effects effects;
  inbox.offered(offer(1, "act.1", 10), effects);
  CHECK(effects.decisions.empty());
  inbox.receive({.cookie = 7, .pattern = "kv.*"}, effects);
  CHECK(effects.decisions.empty());
  inbox.receive({.cookie = 8, .pattern = "act.*"}, effects);
  CHECK(accepted(effects, 1));
  Inbox::Effects later;
  inbox.arrived(TransferKey{{1}}, received("act.1", 10), later);
  REQUIRE(later.deliveries.size() == 1);
  CHECK(later.deliveries[0].cookie == 8);
}

TEST_CASE("inbox: a full inbox makes the next sender wait until something is taken", "[T-27]") {
  Inbox inbox(100);
  Inbox::Effects effects;
  CHECK_FALSE(inbox.try_receive("*", effects));
  inbox.offered(offer(1, "a", 60), effects);
  CHECK(accepted(effects, 1));
  Inbox::Effects full;
  inbox.offered(offer(2, "b", 60), full);
  CHECK(full.decisions.empty());
  inbox.arrived(TransferKey{{1}}, received("a", 60), full);
  CHECK(full.decisions.empty());
  Inbox::Effects taken;
  CHECK(inbox.try_receive("*", taken).has_value());
  CHECK(accepted(taken, 2));
}

TEST_CASE("inbox: an offer larger than the whole budget is refused as Overloaded") {
  Inbox inbox(100);
  Inbox::Effects effects;
  inbox.offered(offer(1, "a", 101), effects);
  REQUIRE(effects.decisions.size() == 1);
  CHECK(std::get<weft::Error>(effects.decisions[0].second).kind() == weft::ErrorClass::kOverloaded);
}

TEST_CASE("inbox: a transfer that failed gives its budget back") {
  Inbox inbox(100);
  Inbox::Effects effects;
  (void)inbox.try_receive("*", effects);
  inbox.offered(offer(1, "a", 100), effects);
  Inbox::Effects later;
  inbox.offered(offer(2, "b", 100), later);
  CHECK(later.decisions.empty());
  inbox.failed(TransferKey{{1}}, later);
  CHECK(accepted(later, 2));
}

TEST_CASE("inbox: waiters are served first in, first out, and expire at their deadline") {
  Inbox inbox(100);
  Inbox::Effects effects;
  const weft::TimePoint now{};
  inbox.receive({.cookie = 1, .pattern = "*", .deadline = now + std::chrono::seconds(1)}, effects);
  inbox.receive({.cookie = 2, .pattern = "*"}, effects);
  CHECK(inbox.next_deadline() == now + std::chrono::seconds(1));
  inbox.expire(now + std::chrono::seconds(1), effects);
  REQUIRE(effects.expired.size() == 1);
  CHECK(effects.expired[0] == 1);
  Inbox::Effects later;
  inbox.arrived(TransferKey{{5}}, received("x", 1), later);
  REQUIRE(later.deliveries.size() == 1);
  CHECK(later.deliveries[0].cookie == 2);
  CHECK_FALSE(inbox.cancel(2));
}

TEST_CASE("inbox: a handler is shown the offer and its word decides") {
  Inbox inbox(100);
  Inbox::Effects effects;
  inbox.add_handler(9, "kv.*", effects);
  inbox.offered(offer(1, "kv.1", 10), effects);
  REQUIRE(effects.asks.size() == 1);
  CHECK(effects.asks[0].handler == 9);
  CHECK(effects.decisions.empty());
  Inbox::Effects decided;
  inbox.decided(TransferKey{{1}}, weft::Error(weft::ErrorClass::kForbidden, "push", "not now"), decided);
  REQUIRE(decided.decisions.size() == 1);
  CHECK(std::holds_alternative<weft::Error>(decided.decisions[0].second));
  inbox.decided(TransferKey{{1}}, weft::transfer::Accept{}, decided);  // twice: only the first counts
  CHECK(decided.decisions.size() == 1);
}
