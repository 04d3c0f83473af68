// Receives that cannot be posted: before a connection, and again after something took them.
#include <catch2/catch_test_macros.hpp>

#include "fault_shim.hpp"
#include "lane_pair.hpp"
#include "loopback.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;

namespace {

constexpr std::uint64_t kRing = 64;    // receives of a connection
constexpr std::uint64_t kFewest = 16;  // that a connection needs

/// The N-th receive goes wrong: what became of the connection that was dialled at A and admitted at B.
struct Went {
  std::optional<Error> at_a{};
  std::optional<Error> at_b{};
  bool reached = false;
};

std::optional<Error> end_of(const Node& node) {
  CHECK(node.count<lane::Down>() <= 1);
  for (const lane::Event& event : node.seen)
    if (const auto* down = std::get_if<lane::Down>(&event)) return down->why;
  return std::nullopt;
}

Went connect(const std::string& provider, FaultPlan::Kind kind, std::uint64_t nth) {
  const FaultShim shim{{.nth = nth, .kind = kind, .only = "fi_recv", .takes_receives = true}};
  Went went;
  {
    Nodes nodes{provider};
    REQUIRE(nodes.a.lane->traits().arrival_takes_receive);
    const auto dialled = nodes.a.lane->dial(unwrap(nodes.b.lane->listen()), {});
    if (!dialled) return {.at_a = dialled.error(), .reached = shim.reached()};
    nodes.until("a knock", [&] { return nodes.b.count<lane::Knock>() == 1; });
    REQUIRE(nodes.b.lane->admit(nodes.b.last<lane::Knock>().channel));
    const auto over = [&] { return nodes.a.count<lane::Down>() == 1 && nodes.b.count<lane::Down>() == 1; };
    nodes.until("both up, or down",
                [&] { return over() || (nodes.a.count<lane::Up>() == 1 && nodes.b.count<lane::Up>() == 1); });
    // Each end tells the other of its receives once it is up: that takes one, which is posted again.
    for (int turn = 0; turn < 200; ++turn) nodes.turn();
    if (nodes.a.count<lane::Down>() + nodes.b.count<lane::Down>() != 0) nodes.until("both down", over);
    went = {.at_a = end_of(nodes.a), .at_b = end_of(nodes.b), .reached = shim.reached()};
  }
  CHECK(shim.open_objects() == 0);
  CHECK(shim.failed_closes() == 0);
  return went;
}

bool ran_out(const std::optional<Error>& why) { return why && why->kind() == ErrorClass::kResourceExhausted; }

}  // namespace

TEST_CASE("a receive that cannot be posted again ends its connection, and says so once", "[fabric][fault][O-30]") {
  for (const char* provider : provider_names())
    for (const auto kind : {FaultPlan::Kind::kAgain, FaultPlan::Kind::kFail})
      DYNAMIC_SECTION("on " << provider << (kind == FaultPlan::Kind::kAgain ? ", full" : ", failing")) {
        std::uint64_t nth = 2 * kRing;  // those before are posted ahead of the connection
        for (; nth < 3 * kRing; ++nth) {
          CAPTURE(nth);
          const Went went = connect(provider, kind, nth);
          if (!went.reached) break;
          CHECK(ran_out(went.at_a) != ran_out(went.at_b));  // its end and no other says why
          REQUIRE(went.at_a);
          REQUIRE(went.at_b);
          const Error& why = ran_out(went.at_a) ? *went.at_a : *went.at_b;
          CHECK(why.operation() == "fi_recv");
          CHECK((ran_out(went.at_a) ? *went.at_b : *went.at_a).kind() == ErrorClass::kPeerLost);
        }
        CHECK(nth == 2 * kRing + 2);  // one for the word of either end
        CHECK_FALSE(connect(provider, kind, nth).at_a);
      }
}

TEST_CASE("a connection goes without some of its receives, not without those that its peer takes unasked",
          "[fabric][fault]") {
  for (const char* provider : provider_names()) DYNAMIC_SECTION("on " << provider) {
      for (std::uint64_t nth = 0; nth < 2 * kRing; ++nth) {
        CAPTURE(nth);
        // A receive that does not go ends the posting of them, so that B's begin earlier.
        const bool of_a = nth < kRing;
        const std::uint64_t posted = of_a ? nth : nth - kRing;
        const Went went = connect(provider, FaultPlan::Kind::kAgain, nth);
        CHECK(went.reached);
        CHECK(ran_out(of_a ? went.at_a : went.at_b) == (posted < kFewest));
        if (posted >= kFewest) CHECK_FALSE((went.at_a || went.at_b));
      }
    }
}
