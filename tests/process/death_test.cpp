#include <catch2/generators/catch_generators.hpp>

#include <tests/process/faults.hpp>

/// A real process is killed at each step of a transfer; this one survives, is told in time, and keeps nothing.
using namespace weft;
using namespace weft::test;

namespace {

LaneCase each_lane() {
  const bool sealed = GENERATE(false, true);
  UNSCOPED_INFO((sealed ? "lane tls" : "the default lane"));
  return {.sealed = sealed};
}

}  // namespace

TEST_CASE("death: before anything was asked of it a killed node is PeerUnreachable at once", "[F1]") {
  const LaneCase lane = each_lane();
  auto node = start(lane.options({.liveness = kPatient}));
  Child server(lane.arguments());
  const std::string ticket = server.ticket();
  server.kill();
  const auto told = node.get(ticket, "t").wait_for(kSoon);
  REQUIRE(told.has_value());
  CHECK(failure(*told) == ErrorClass::kPeerUnreachable);
}

TEST_CASE("death: the server is killed at each step of a pull", "[F2][F3][F4][F5][F6][F7][F8][T-32][N8]") {
  const LaneCase lane = each_lane();
  auto node = start(lane.options({.liveness = kPatient}));
  works(node, lane);
  const Held held(node);
  for (const At at : {At{"handshake"}, At{"accept"}, At{"session"}, At{"message"}, At{"message", 2}, At{"rail"},
                      At{"grant"}, At{"written"}, At{"written", 100}, At{"finished", 30}, At{"written", 256, true},
                      At{"last-written", 1, true}, At{"receipt", 1, true}}) {
    if (!lane.has(at)) continue;
    CAPTURE(at.step, at.count);
    {
      Child server(lane.arguments());
      server.ask("serve t " + std::to_string(kBytes) + " 1");
      arm(server, at, "kill");
      auto pull = node.get(server.ticket(), "t");
      const Result<Tensor> result = ended(pull, server, at.step);
      if (result)
        CHECK((at.may_succeed && is_noise(result->bytes(), 1)));
      else
        CHECK(is_loss(result.error().kind()));
    }
    held.check();
  }
  works(node, lane);
}

TEST_CASE("death: the client is killed at each step of its pull, the server goes on", "[F1][F2][F3][F5][F6][F7][F8]") {
  const LaneCase lane = each_lane();
  auto node = start(lane.options({.liveness = kPatient}));
  works(node, lane);
  const Held held(node);
  need(node.put("t", blob(kBytes, 1)));
  for (const At at : {At{"dial"}, At{"session"}, At{"message", 2}, At{"landing"}, At{"rail"}, At{"arrival"},
                      At{"arrival", 100}, At{"outcome"}, At{"receipted"}}) {
    if (!lane.has(at)) continue;
    CAPTURE(at.step, at.count);
    {
      Child client(lane.arguments());
      arm(client, at, "kill");
      client.send("get " + node.ticket().to_string() + " t " + std::to_string(kBytes) + " 1");
      client.expect(std::string("at ") + at.step);
      wait_for_loss(node);
    }
    held.check();
  }
  works(node, lane);
}

TEST_CASE("death: the receiver of a push is killed at each step, no success without its receipt",
          "[F2][F3][F4][F5][F6][F7][F8][T-05]") {
  const LaneCase lane = each_lane();
  auto node = start(lane.options({.liveness = kPatient}));
  works(node, lane);
  const Held held(node);
  const auto content = noise(kBytes, 1);
  for (const At at : {At{"accept"}, At{"session"}, At{"offer"}, At{"landing"}, At{"rail"}, At{"arrival"},
                      At{"arrival", 200}, At{"arrival", 256}, At{"outcome"}, At{"receipted", 1, true}}) {
    if (!lane.has(at)) continue;
    CAPTURE(at.step, at.count);
    {
      Child receiver(lane.arguments());
      arm(receiver, at, "kill");
      receiver.send("receive x " + std::to_string(kBytes) + " 1");
      auto push = node.push(receiver.ticket(), "x", TensorView::bytes(content));
      const Result<Receipt> result = ended(push, receiver, at.step);
      if (result)
        CHECK(at.may_succeed);
      else
        CHECK(is_loss(result.error().kind()));
      if (!result && std::string(at.step) == "outcome") CHECK(result.error().may_have_arrived());
    }
    held.check();
  }
  works(node, lane);
}

TEST_CASE("death: the sender of a push is killed at each step, nothing half is seen", "[F3][F4][F5][F6][F7][F8]") {
  const LaneCase lane = each_lane();
  auto node = start(lane.options({.liveness = kPatient}));
  works(node, lane);
  const Held held(node);
  auto waiting = node.receive("x");
  for (const At at :
       {At{"session"}, At{"message"}, At{"rail"}, At{"grant"}, At{"written"}, At{"written", 100}, At{"finished", 30},
        At{"written", 256, true}, At{"last-written", 1, true}, At{"receipt", 1, true}}) {
    if (!lane.has(at)) continue;
    CAPTURE(at.step, at.count);
    {
      Child sender(lane.arguments());
      arm(sender, at, "kill");
      sender.send("push " + node.ticket().to_string() + " x " + std::to_string(kBytes) + " 1");
      sender.expect(std::string("at ") + at.step);
      wait_for_loss(node);
    }
    CHECK(node.stats().inbox == 0);
    if (std::string(at.step) == "receipt") CHECK(waiting.ready());
    if (waiting.ready()) {
      CHECK(at.may_succeed);
      CHECK(is_noise(need(waiting.wait()).bytes(), 1));
      waiting = node.receive("x");
    }
    held.check();
  }
  Child sender(lane.arguments());
  sender.ask("push " + node.ticket().to_string() + " x 1000000 2");
  CHECK(same_bytes(need(waiting.wait()), noise(1'000'000, 2)));
}
