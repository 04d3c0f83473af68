#include <memory>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <weft/actors/inbox.hpp>

using weft::actors::Inbox;
using weft::transfer::TransferKey;

namespace {

weft::transfer::AskOffer offer(std::uint64_t key, std::string name, std::uint64_t bytes, unsigned char from = 1) {
  weft::transfer::AskOffer ask;
  ask.transfer = TransferKey{{key}};
  ask.from.bytes[0] = std::byte{from};
  ask.name = std::move(name);
  ask.bytes = bytes;
  return ask;
}

weft::transfer::Received received(std::string name, std::uint64_t bytes, unsigned char from = 1) {
  weft::transfer::Received r;
  r.from.bytes[0] = std::byte{from};
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

TEST_CASE("inbox: an offer larger than the whole budget is refused as Overloaded", "[T-09]") {
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
  inbox.offered(offer(5, "x", 1), later);
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
  inbox.decided(TransferKey{{1}}, weft::Error(weft::ErrorClass::kForbidden, "push", "not now"), nullptr, decided);
  REQUIRE(decided.decisions.size() == 1);
  CHECK(std::holds_alternative<weft::Error>(decided.decisions[0].second));
  inbox.decided(TransferKey{{1}}, weft::transfer::Accept{}, nullptr, decided);  // twice: only the first counts
  CHECK(decided.decisions.size() == 1);
}

TEST_CASE("inbox: an offer that meets a handler which has just ended is its successor's, or held, in its old place") {
  Inbox inbox(100);
  Inbox::Effects first;
  inbox.add_handler(1, "w.*", first);
  inbox.offered(offer(1, "w.a", 10), first);
  inbox.offered(offer(2, "v.b", 10), first);
  REQUIRE(first.asks.size() == 1);
  Inbox::Effects replaced;
  inbox.remove_handler(1, replaced);
  inbox.add_handler(2, "w.*", replaced);
  CHECK(replaced.asks.empty());  // it is out
  Inbox::Effects second;
  inbox.unanswered(std::move(first.asks[0]), second);
  REQUIRE(second.asks.size() == 1);
  CHECK(second.asks[0].handler == 2);
  CHECK(second.decisions.empty());
  Inbox::Effects nobody;
  inbox.unanswered(std::move(second.asks[0]), nobody);
  CHECK(nobody.asks.empty());
  CHECK(nobody.decisions.empty());
  inbox.receive({.cookie = 7, .pattern = "*"}, nobody);
  inbox.receive({.cookie = 8, .pattern = "*"}, nobody);
  CHECK(accepted(nobody, 1));
  inbox.arrived(TransferKey{{2}}, received("v.b", 10), nobody);
  CHECK(nobody.deliveries.empty());  // offered after it
  inbox.arrived(TransferKey{{1}}, received("w.a", 10), nobody);
  CHECK(nobody.deliveries.size() == 2);

  Inbox::Effects large;
  inbox.add_handler(3, "*", large);
  inbox.offered(offer(3, "l", 1000), large);
  REQUIRE(large.asks.size() == 1);
  inbox.unanswered(std::move(large.asks[0]), large);
  REQUIRE(large.decisions.size() == 1);  // no room for it without the handler's
  CHECK_FALSE(accepted(large, 3));
}

TEST_CASE("inbox: what a handler leaves to the inbox waits there for a receive and for room, in its old place",
          "[T-12][T-27]") {
  Inbox inbox(100);
  Inbox::Effects asked;
  inbox.add_handler(1, "w.*", asked);
  inbox.offered(offer(1, "w.a", 60), asked);
  inbox.offered(offer(2, "w.b", 60), asked);
  inbox.offered(offer(3, "w.c", 101), asked);
  REQUIRE(asked.asks.size() == 3);
  Inbox::Effects left;
  inbox.left(std::move(asked.asks[1]), left);
  inbox.left(std::move(asked.asks[0]), left);
  CHECK(left.asks.empty());  // once is enough
  CHECK(left.decisions.empty());
  inbox.left(std::move(asked.asks[2]), left);
  REQUIRE(left.decisions.size() == 1);  // no inbox has room for it
  CHECK_FALSE(accepted(left, 3));
  Inbox::Effects received_one;
  inbox.receive({.cookie = 7, .pattern = "*"}, received_one);
  CHECK(received_one.asks.empty());
  CHECK(accepted(received_one, 1));
  CHECK_FALSE(accepted(received_one, 2));
  inbox.arrived(TransferKey{{1}}, received("w.a", 60), received_one);
  CHECK(received_one.deliveries.size() == 1);
  CHECK(accepted(received_one, 2));
}

TEST_CASE("inbox: of one sender, what was offered first is delivered first, whichever is here first", "[T-12]") {
  Inbox inbox(1000);
  Inbox::Effects effects;
  inbox.receive({.cookie = 1, .pattern = "*"}, effects);
  inbox.receive({.cookie = 2, .pattern = "*"}, effects);
  inbox.receive({.cookie = 3, .pattern = "*"}, effects);
  inbox.offered(offer(1, "large", 500), effects);
  inbox.offered(offer(2, "small", 1), effects);
  inbox.offered(offer(3, "other", 1, 2), effects);
  Inbox::Effects early;
  inbox.arrived(TransferKey{{2}}, received("small", 1), early);
  CHECK(early.deliveries.empty());
  inbox.arrived(TransferKey{{3}}, received("other", 1, 2), early);
  REQUIRE(early.deliveries.size() == 1);
  CHECK(early.deliveries[0].arrived.received.item.name == "other");
  Inbox::Effects late;
  inbox.arrived(TransferKey{{1}}, received("large", 500), late);
  REQUIRE(late.deliveries.size() == 2);
  CHECK(late.deliveries[0].arrived.received.item.name == "large");
  CHECK(late.deliveries[1].arrived.received.item.name == "small");
}

TEST_CASE("inbox: what waits for an earlier push goes on when that one fails, is refused or given up", "[T-12]") {
  for (const int end : {0, 1, 2}) {
    CAPTURE(end);
    Inbox inbox(1000);
    Inbox::Effects effects;
    inbox.receive({.cookie = 1, .pattern = "*"}, effects);
    if (end != 0) inbox.add_handler(9, "first", effects);
    inbox.offered(offer(1, "first", 10), effects);
    inbox.offered(offer(2, "second", 10), effects);
    inbox.arrived(TransferKey{{2}}, received("second", 10), effects);
    CHECK(effects.deliveries.empty());
    if (end == 0) inbox.failed(TransferKey{{1}}, effects);
    if (end == 1)
      inbox.decided(TransferKey{{1}}, weft::Error(weft::ErrorClass::kForbidden, "push", "no"), nullptr, effects);
    if (end == 2) inbox.offer_gone(TransferKey{{1}}, effects);
    REQUIRE(effects.deliveries.size() == 1);
    CHECK(effects.deliveries[0].arrived.received.item.name == "second");
  }
}

TEST_CASE("inbox: a receive takes what matches it, though an earlier push of another name is under way", "[T-12]") {
  Inbox inbox(1000);
  Inbox::Effects effects;
  inbox.receive({.cookie = 1, .pattern = "b"}, effects);
  inbox.receive({.cookie = 2, .pattern = "a"}, effects);
  inbox.offered(offer(1, "a", 10), effects);
  inbox.offered(offer(2, "b", 10), effects);
  inbox.arrived(TransferKey{{2}}, received("b", 10), effects);
  REQUIRE(effects.deliveries.size() == 1);
  CHECK(effects.deliveries[0].cookie == 1);
}

TEST_CASE("inbox: small offers do not pass a large one of their sender that waits for room", "[T-27]") {
  Inbox inbox(100);
  Inbox::Effects effects;
  (void)inbox.try_receive("*", effects);
  inbox.offered(offer(1, "a", 60), effects);
  inbox.offered(offer(2, "large", 90), effects);
  inbox.offered(offer(3, "small", 10), effects);
  inbox.offered(offer(4, "other", 10, 2), effects);
  CHECK(accepted(effects, 1));
  CHECK_FALSE(accepted(effects, 2));
  CHECK_FALSE(accepted(effects, 3));
  CHECK(accepted(effects, 4));
  Inbox::Effects later;
  inbox.failed(TransferKey{{1}}, later);
  CHECK(accepted(later, 2));
}

TEST_CASE("inbox: what lands in the application's own memory takes no room, of any size", "[T-27]") {
  Inbox inbox(100);
  Inbox::Effects effects;
  (void)inbox.try_receive("*", effects);
  inbox.add_handler(9, "w.*", effects);
  inbox.offered(offer(1, "w.1", 5000), effects);
  REQUIRE(effects.asks.size() == 1);
  std::byte memory{};
  inbox.decided(TransferKey{{1}}, weft::transfer::Accept{.into = &memory, .size = 5000}, nullptr, effects);
  CHECK(accepted(effects, 1));
  inbox.offered(offer(2, "t", 100), effects);
  CHECK(accepted(effects, 2));
  inbox.arrived(TransferKey{{1}}, received("w.1", 5000), effects);
  CHECK(inbox.try_receive("w.*", effects).has_value());
  Inbox::Effects full;
  inbox.offered(offer(3, "t", 1), full);
  CHECK(full.decisions.empty());
}

TEST_CASE("inbox: the end of a handler cancels what lands where it chose, and its memory is free when that is over") {
  Inbox inbox(100);
  Inbox::Effects effects;
  inbox.add_handler(9, "*", effects);
  std::byte memory{};
  auto placing = std::make_shared<int>();
  const std::weak_ptr<int> under_way = placing;
  inbox.offered(offer(1, "a", 10), effects);
  inbox.decided(TransferKey{{1}}, weft::transfer::Accept{.into = &memory, .size = 10}, std::move(placing), effects);
  inbox.offered(offer(2, "b", 10), effects);
  inbox.decided(TransferKey{{2}}, weft::transfer::Accept{}, nullptr, effects);
  inbox.remove_handler(9, effects);
  CHECK(effects.cancels == std::vector{TransferKey{{1}}});
  CHECK_FALSE(under_way.expired());
  inbox.failed(TransferKey{{1}}, effects);
  CHECK(under_way.expired());
}

TEST_CASE("inbox: a pattern is forgotten with the last who waited in vain; of those served the latest are kept") {
  Inbox inbox(1000);
  Inbox::Effects effects;
  inbox.receive({.cookie = 1, .pattern = "gone"}, effects);
  inbox.receive({.cookie = 2, .pattern = "late", .deadline = weft::TimePoint{}}, effects);
  CHECK(inbox.cancel(1));
  inbox.expire(weft::TimePoint{}, effects);
  inbox.offered(offer(1, "gone", 1), effects);
  inbox.offered(offer(2, "late", 1), effects);
  CHECK(effects.decisions.empty());
  (void)inbox.try_receive("old", effects);
  for (std::size_t i = 0; i < Inbox::kRecentPatterns; ++i) (void)inbox.try_receive("t" + std::to_string(i), effects);
  inbox.offered(offer(3, "old", 1), effects);
  inbox.offered(offer(4, "t0", 1), effects);
  CHECK_FALSE(accepted(effects, 3));
  CHECK(accepted(effects, 4));
}

TEST_CASE("inbox: an offer that went while it was being accepted gives its room back") {
  Inbox inbox(100);
  Inbox::Effects effects;
  (void)inbox.try_receive("*", effects);
  inbox.offered(offer(1, "a", 100), effects);
  CHECK(accepted(effects, 1));
  inbox.offer_gone(TransferKey{{1}}, effects);
  inbox.offered(offer(2, "b", 100), effects);
  CHECK(accepted(effects, 2));
}
