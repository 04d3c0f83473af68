#include <algorithm>
#include <cstring>

#include "lane_pair.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;

namespace {

constexpr std::size_t kBytes = 100;

/// Sends messages of one byte over and over until no more is taken, and turns both lanes until none ever is.
std::size_t send_all(Nodes& nodes, std::byte filling) {
  const std::vector<std::byte> bytes(kBytes, filling);
  const std::array gather{lane::Gather{bytes.data(), bytes.size()}};  // not attached: messages need not be
  std::size_t sent = 0;
  for (int quiet = 0; quiet < 2000; ++quiet) {
    while (nodes.a.lane->send(nodes.at_a, gather, sent) == lane::Posted::kTaken) {
      ++sent;
      quiet = 0;
    }
    nodes.turn();
  }
  return sent;
}

std::size_t count_whole(const Node& node, std::byte filling) {
  std::size_t whole = 0;
  for (const lane::Event& event : node.seen)
    if (const auto* message = std::get_if<lane::MessageArrived>(&event))
      whole += message->message.bytes().size() == kBytes &&
                       std::ranges::all_of(message->message.bytes(), [&](std::byte one) { return one == filling; })
                   ? 1
                   : 0;
  return whole;
}

}  // namespace

TEST_CASE("verbs: messages wait while their receiver holds those before, and go on when it lets go",
          "[fabric][verbs]") {
  Nodes nodes{"verbs"};
  REQUIRE(nodes.a.lane->traits().max_message >= 1024);
  nodes.connect();
  const std::size_t held = send_all(nodes, std::byte{1});
  CHECK(held > 16);
  CHECK(held < 64);  // its ring, without the last receive
  CHECK(count_whole(nodes.b, std::byte{1}) == held);
  nodes.until("their ends", [&] { return nodes.a.count<lane::Finished>() == held; });
  nodes.b.seen.clear();
  CHECK(send_all(nodes, std::byte{2}) > 16);
  CHECK(nodes.a.count<lane::Down>() + nodes.b.count<lane::Down>() == 0);
}

TEST_CASE("verbs: messages and immediates take the same receives of the peer", "[fabric][verbs][O-13][O-W2]") {
  Nodes nodes{"verbs"};
  nodes.connect();
  const Placed to(nodes);
  send_all(nodes, std::byte{1});
  CHECK(nodes.a.lane->room(nodes.at_a) == 0);
  CHECK(nodes.a.lane->write(nodes.at_a, to.gather, to.remote, 5u, 1000) == lane::Posted::kFull);
  REQUIRE(nodes.a.lane->write(nodes.at_a, to.gather, to.remote, std::nullopt, 1001) == lane::Posted::kTaken);
  nodes.b.seen.clear();
  nodes.until("room", [&] { return nodes.a.lane->room(nodes.at_a) != 0; });
  REQUIRE(nodes.a.lane->write(nodes.at_a, to.gather, to.remote, 5u, 1000) == lane::Posted::kTaken);
  nodes.until("the arrival", [&] { return nodes.b.count<lane::Arrived>() == 1; });
  CHECK(to.landing == to.source);
}

TEST_CASE("verbs: a message outlives its channel, whatever the next one receives", "[fabric][verbs]") {
  Nodes nodes{"verbs"};
  nodes.connect();
  const std::size_t held = send_all(nodes, std::byte{1});
  nodes.b.lane->close(nodes.at_b);
  nodes.until("both ends to be down",
              [&] { return nodes.a.count<lane::Down>() == 1 && nodes.b.count<lane::Down>() == 1; });
  std::vector<lane::Event> kept = std::exchange(nodes.b.seen, {});
  nodes.a.seen.clear();
  nodes.connect();
  const std::size_t more = send_all(nodes, std::byte{2});
  CHECK(more > 16);
  CHECK(count_whole(nodes.b, std::byte{2}) == more);
  std::swap(nodes.b.seen, kept);
  CHECK(count_whole(nodes.b, std::byte{1}) == held);
}
