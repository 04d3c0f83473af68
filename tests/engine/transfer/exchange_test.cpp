#include <weft/wire/digest.hpp>

#include "played_peer.hpp"

using namespace weft;
using namespace weft::transfer;
using weft::transfer::test::PlayedPeer;

namespace {

constexpr std::uint16_t kRail = 2;

PullSpec pull_of(const char* name) { return {.peer = PlayedPeer::peer(), .names = {name}}; }

/// An offer of one byte, as its opener's message.
struct PushedByte {
  std::array<std::int64_t, 1> shape{1};
  std::array<std::byte, 1> bytes{std::byte{9}};
  std::array<std::uint64_t, 1> leaves{wire::leaf_of(bytes)};
  wire::EntryAnswer entry{.name = "pushed",
                          .handle = {.index = 0, .generation = Generation{1}},
                          .dtype = DType::kU8,
                          .shape = shape,
                          .bytes = 1,
                          .leaves = leaves};
  wire::Offer offer(std::uint64_t sequence) {
    return {.transfer = {.sequence = sequence, .opened_by_sender = true},
            .entries = std::span(&entry, 1),
            .total = 1,
            .is_inline = true};
  }
};

/// The pushed byte comes by a rail, and the application is asked for it.
AskOffer offer_by_rail(PlayedPeer& peer, PushedByte& pushed) {
  peer.open_rail(kRail);
  peer.hear_on(kRail, pushed.offer(1), pushed.bytes);
  auto asked = peer.action<AskOffer>();
  REQUIRE(asked);
  return *std::move(asked);
}

}  // namespace

TEST_CASE("exchange: a pull without a grant rides the rail, and the stream where its lane is asked for", "[transfer]") {
  PlayedPeer peer;
  peer.core().pull(pull_of("before"), peer.now());
  CHECK(peer.said_on<wire::Request>(0).size() == 1);  // no rail is up
  peer.open_rail(kRail);
  peer.core().pull(pull_of("t"), peer.now());
  CHECK(peer.said_on(0).empty());
  CHECK(peer.said_on<wire::Request>(kRail).size() == 1);
  PullSpec by_stream = pull_of("t");
  by_stream.lane = Lane::kTls;
  peer.core().pull(std::move(by_stream), peer.now());
  CHECK(peer.said_on(kRail).empty());
  CHECK(peer.said_on<wire::Request>(0).size() == 1);
  CHECK(peer.core().stats().rail_messages == 1);
}

TEST_CASE("exchange: what a rail did not take, or may have lost, is said on the stream, once", "[transfer]") {
  PlayedPeer peer;
  peer.open_rail(kRail);
  peer.core().pull(pull_of("lost"), peer.now());
  const auto lost = peer.said_on<wire::Request>(kRail);
  REQUIRE(lost.size() == 1);
  peer.core().pull(pull_of("declined"), peer.now());
  REQUIRE(peer.core().peek(peer.rail(kRail), 0, peer.now()) != nullptr);
  peer.core().declined(peer.now());
  CHECK(peer.core().peek(peer.rail(kRail), 0, peer.now()) == nullptr);
  const auto declined = peer.said_on<wire::Request>(0);
  REQUIRE(declined.size() == 1);
  peer.core().pull(pull_of("queued"), peer.now());
  peer.lose_rail(kRail);
  const auto again = peer.said_on<wire::Request>(0);
  REQUIRE(again.size() == 2);
  CHECK(again[0].sequence == lost[0].sequence);
  CHECK(again[1].sequence > declined[0].sequence);
  peer.lose_rail(kRail);
  CHECK(peer.said_on<wire::Request>(0).empty());
}

TEST_CASE("exchange: an answer goes the way its request came", "[transfer]") {
  PlayedPeer peer;
  peer.open_rail(kRail);
  const std::array<std::string_view, 1> names{"nothing"};
  const auto request = [&](std::uint64_t sequence) {
    return wire::Request{.sequence = sequence, .inline_max = 8192, .what = {.names = names}};
  };
  peer.hear_on(kRail, request(1));
  CHECK(peer.said_on<wire::Response>(kRail).size() == 1);
  peer.hear(request(2));
  CHECK(peer.said_on<wire::Response>(0).size() == 1);
  CHECK(peer.said_on(kRail).empty());
}

TEST_CASE("exchange: a push that comes by rail and again by stream is shown and receipted once each", "[transfer]") {
  PlayedPeer peer;
  PushedByte pushed;
  const AskOffer asked = offer_by_rail(peer, pushed);
  peer.hear(pushed.offer(1), pushed.bytes);  // its opener saw the rail go down
  CHECK_FALSE(peer.action<AskOffer>());
  std::byte into{};
  peer.core().on_decision(asked.transfer, Accept{.into = &into, .size = 1}, peer.now());
  CHECK(into == std::byte{9});
  CHECK(peer.said_on<wire::Receipt>(kRail).size() == 1);
  peer.hear(pushed.offer(1), pushed.bytes);
  CHECK_FALSE(peer.action<AskOffer>());
  const auto again = peer.said_on<wire::Receipt>(0);
  REQUIRE(again.size() == 1);
  CHECK(again[0].ok);
  CHECK(peer.core().stats().receives == 1);
}

TEST_CASE("exchange: a push that was refused, or cancelled before it came, is not shown again", "[transfer]") {
  PlayedPeer peer;
  PushedByte pushed;
  const AskOffer asked = offer_by_rail(peer, pushed);
  peer.core().on_decision(asked.transfer, Error(ErrorClass::kOverloaded, "receive", "not now"), peer.now());
  CHECK(peer.said_on<wire::Failure>(0).size() == 1);
  peer.hear(pushed.offer(1), pushed.bytes);
  CHECK_FALSE(peer.action<AskOffer>());
  peer.hear(wire::Cancel{.transfer = {.sequence = 2, .opened_by_sender = true}, .why = ErrorClass::kCancelled});
  peer.hear_on(kRail, pushed.offer(2), pushed.bytes);  // the stream was faster
  CHECK_FALSE(peer.action<AskOffer>());
}

TEST_CASE("exchange: an offer for a pull that is over is answered by a cancel", "[transfer]") {
  PlayedPeer peer;
  peer.open_rail(kRail);
  PushedByte pushed;
  wire::Offer offer = pushed.offer(77);
  offer.transfer.opened_by_sender = false;
  offer.is_inline = false;
  peer.hear(offer);
  const auto cancels = peer.said_on<wire::Cancel>(0);
  REQUIRE(cancels.size() == 1);
  CHECK(cancels[0].transfer.sequence == 77);
  CHECK(cancels[0].transfer.opened_by_sender);
}

TEST_CASE("exchange: the bye is behind what rails still have to say", "[transfer]") {
  PlayedPeer peer;
  peer.open_rail(kRail);
  const std::array<std::string_view, 1> names{"nothing"};
  peer.hear_on(kRail, wire::Request{.sequence = 1, .inline_max = 8192, .what = {.names = names}});
  peer.core().shut_down(peer.now());
  CHECK(peer.said_on<wire::Bye>(0).empty());
  const Post* answer = peer.core().peek(peer.rail(kRail), 0, peer.now());
  REQUIRE(answer != nullptr);
  const lane::Token token = answer->token;
  peer.core().posted(peer.now());
  CHECK(peer.said_on<wire::Bye>(0).empty());  // it may not be there yet
  peer.pass(std::chrono::seconds(1));
  CHECK(peer.said_on<wire::Bye>(0).empty());  // a slow device
  CHECK_FALSE(peer.action<CloseSession>());
  peer.core().on_finished(token, false, peer.now());
  CHECK(peer.said_on<wire::Bye>(0).size() == 1);
}

TEST_CASE("exchange: a rail that stands still holds up the end of its session for two seconds", "[transfer]") {
  PlayedPeer peer;
  peer.open_rail(kRail);
  const std::array<std::string_view, 1> names{"nothing"};
  peer.hear_on(kRail, wire::Request{.sequence = 1, .inline_max = 8192, .what = {.names = names}});
  REQUIRE(peer.core().peek(peer.rail(kRail), 0, peer.now()) != nullptr);
  peer.core().posted(peer.now());
  peer.core().shut_down(peer.now());
  peer.pass(std::chrono::milliseconds(1900));
  CHECK_FALSE(peer.action<CloseSession>());
  peer.pass(std::chrono::milliseconds(200));
  CHECK(peer.action<CloseSession>());
}

TEST_CASE("exchange: a push that its receiver refused has not arrived, unless that one cannot tell", "[transfer]") {
  static std::byte byte{};
  auto entry = std::make_shared<Entry>();
  entry->name = "pushed";
  entry->bytes = 1;
  entry->data = &byte;
  entry->whole.emplace(unwrap(Selection::make({.dtype = DType::kU8, .shape = {1}}, {})));
  const auto failed = [](PlayedPeer& peer) {
    const auto outcome = peer.core().next_outcome();
    REQUIRE(outcome);
    return std::get<Error>(outcome->result);
  };
  for (const ErrorClass why : {ErrorClass::kForbidden, ErrorClass::kCancelled, ErrorClass::kStale}) {
    for (const bool receipted : {false, true}) {
      PlayedPeer peer;
      peer.core().push({.peer = PlayedPeer::peer(), .entry = entry}, peer.now());
      const auto said = peer.said_on<wire::Offer>(0);
      REQUIRE(said.size() == 1);
      REQUIRE(said[0].is_inline);
      const wire::TransferRef ref{.sequence = said[0].transfer.sequence, .opened_by_sender = false};
      if (receipted)
        peer.hear(wire::Receipt{.transfer = ref, .ok = false, .error = why});
      else
        peer.hear(wire::Failure{.transfer = ref, .error = why});
      const Error error = failed(peer);
      CHECK(error.kind() == why);
      CHECK(error.may_have_arrived() == (why == ErrorClass::kStale));
    }
  }
}

TEST_CASE("exchange: what is not for rails closes that rail", "[transfer]") {
  PlayedPeer peer;
  peer.open_rail(kRail);
  peer.hear_on(kRail, wire::Ping{.nonce = 1});
  CHECK(peer.action<CloseRail>());
}
