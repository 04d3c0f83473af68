#include <tests/process/faults.hpp>

/// A real process is stopped at each step of a transfer: the other side is told, and what the late one does after
/// SIGCONT hits nothing and is taken for what it is.
using namespace weft;
using namespace weft::test;

namespace {

constexpr Liveness kQuick{.heartbeat = std::chrono::milliseconds(100), .silent_after = std::chrono::milliseconds(600)};

MutableTensorView view(std::vector<std::uint8_t>& memory) {
  return MutableTensorView::of<std::uint8_t>(memory, {static_cast<std::int64_t>(memory.size())});
}

/// From now on a change of the caller's memory is seen.
void mark(std::vector<std::uint8_t>& memory) { std::fill(memory.begin(), memory.end(), std::uint8_t{0xEE}); }
bool is_marked(const std::vector<std::uint8_t>& memory) {
  return std::all_of(memory.begin(), memory.end(), [](std::uint8_t byte) { return byte == 0xEE; });
}

void server_stops(const LaneCase& lane) {
  auto node = start(lane.options({.liveness = kQuick}));
  works(node, lane);
  const Held held(node);
  std::vector<std::uint8_t> memory(kBytes);
  // Several ends of writes are looked at together: at the 200th the rest may be in the sockets' buffers.
  for (const At at : {At{"accept"}, At{"session"}, At{"message", 2}, At{"rail"}, At{"grant"}, At{"written"},
                      At{"written", 200, true}, At{"written", 256, true}, At{"last-written", 1, true}}) {
    if (!lane.has(at)) continue;
    CAPTURE(at.step, at.count);
    {
      Child server(lane.arguments());
      server.ask("serve t " + std::to_string(kBytes) + " 1");
      arm(server, at, "stop");
      auto pull = node.get(server.ticket(), "t", {.into = view(memory), .deadline = std::chrono::seconds(4)});
      const Result<Tensor> result = ended(pull, server, at.step);
      if (result) {
        CHECK((at.may_succeed && is_noise(std::as_bytes(std::span(memory)), 1)));
      } else {
        INFO(result.error().to_string());
        CHECK((is_loss(result.error().kind()) || result.error().kind() == ErrorClass::kDeadlineExceeded));
      }
      mark(memory);
      server.signal(SIGCONT);
      // It is the same process, so its ticket is good; by its next answer what it had left to write is gone.
      CHECK(is_noise(need(node.get(server.ticket(), "t").wait_for(kSoon)).bytes(), 1));
      CHECK(is_marked(memory));
    }
    held.check();
  }
}

/// A cancel, while the server is held between two of its writes.
void cancelled_while_server_stops(const LaneCase& lane) {
  auto node = start(lane.options({.liveness = kPatient}));
  std::vector<std::uint8_t> memory(kBytes);
  Child server(lane.arguments());
  server.ask("serve t " + std::to_string(kBytes) + " 1");
  for (const At at : {At{"grant"}, At{"written"}, At{"written", 50}, At{"written", 200, true}}) {
    CAPTURE(at.step, at.count);
    arm(server, at, "stop");
    auto pull = node.get(server.ticket(), "t", {.into = view(memory)});
    server.expect(std::string("at ") + at.step);
    server.await_stop();
    pull.cancel();
    const auto result = pull.wait_for(kSoon);
    REQUIRE(result.has_value());
    if (!at.may_succeed || !*result) CHECK(failure(*result) == ErrorClass::kCancelled);
    mark(memory);
    server.signal(SIGCONT);
    CHECK(is_noise(need(node.get(server.ticket(), "t").wait_for(kSoon)).bytes(), 1));
    CHECK(is_marked(memory));
  }
}

void client_stops(const LaneCase& lane) {
  auto node = start(lane.options({.liveness = kQuick}));
  works(node, lane);
  const Held held(node);
  need(node.put("t", blob(kBytes, 1)));
  for (const At at : {At{"session"}, At{"message", 2}, At{"landing"}, At{"rail"}, At{"arrival", 50}, At{"arrival", 256},
                      At{"outcome"}}) {
    if (!lane.has(at)) continue;
    CAPTURE(at.step, at.count);
    {
      Child client(lane.arguments());
      arm(client, at, "stop");
      const std::string get = "get " + node.ticket().to_string() + " t " + std::to_string(kBytes) + " 1";
      client.send(get);
      client.expect(std::string("at ") + at.step);
      wait_for_loss(node);
      client.signal(SIGCONT);
      const std::string said = client.next();  // whole, or lost; never something else
      INFO(said);
      CHECK((said.starts_with("ok") || said.starts_with("error PeerLost")));
      client.ask(get);
    }
    held.check();
  }
}

void receiver_stops(const LaneCase& lane) {
  auto node = start(lane.options({.liveness = kQuick}));
  works(node, lane);
  const Held held(node);
  const auto content = noise(kBytes, 1);
  for (const At at :
       {At{"session"}, At{"offer"}, At{"landing"}, At{"arrival", 50}, At{"arrival", 256}, At{"outcome"}}) {
    CAPTURE(at.step, at.count);
    {
      Child receiver(lane.arguments());
      arm(receiver, at, "stop");
      receiver.send("receive x " + std::to_string(kBytes) + " 1");
      auto push = node.push(receiver.ticket(), "x", TensorView::bytes(content), {.deadline = std::chrono::seconds(4)});
      const Result<Receipt> result = ended(push, receiver, at.step);
      const ErrorClass kind = failure(result);  // no success without a receipt
      CHECK((is_loss(kind) || kind == ErrorClass::kDeadlineExceeded));
      receiver.signal(SIGCONT);
      if (!result.error().may_have_arrived()) {  // then it is not there, and the next one is the first
        need(node.push(receiver.ticket(), "x", TensorView::bytes(content)).wait_for(kSoon));
        receiver.expect("ok");
      }
    }
    held.check();
  }
}

void sender_stops(const LaneCase& lane) {
  auto node = start(lane.options({.liveness = kQuick}));
  works(node, lane);
  const Held held(node);
  for (const At at : {At{"session"}, At{"message", 2}, At{"written"}, At{"written", 100}, At{"last-written"}}) {
    CAPTURE(at.step, at.count);
    {
      auto waiting = node.receive("x");
      Child sender(lane.arguments());
      arm(sender, at, "stop");
      sender.send("push " + node.ticket().to_string() + " x " + std::to_string(kBytes) + " 1");
      sender.expect(std::string("at ") + at.step);
      wait_for_loss(node);
      sender.signal(SIGCONT);
      const std::string said = sender.next();
      INFO(said);
      CHECK((said.starts_with("ok") || said.starts_with("error")));
      if (said.starts_with("ok")) CHECK(soon([&] { return waiting.ready(); }));
      const bool lost = said.starts_with("error") && said.find("may have arrived") == std::string::npos;
      if (lost) CHECK_FALSE(waiting.ready());
      if (waiting.ready()) CHECK(is_noise(need(waiting.wait()).bytes(), 1));
      CHECK(node.stats().inbox == 0);  // once at most: what was retried is known
    }
    held.check();
  }
}

}  // namespace

TEST_CASE("stopped: with the defaults a silent server is lost after three seconds", "[F11]") {
  auto node = start();
  Child server;
  server.ask("serve t " + std::to_string(kBytes) + " 1");
  arm(server, {"written", 20}, "stop");
  auto pull = node.get(server.ticket(), "t");
  CHECK(failure(ended(pull, server, "written")) == ErrorClass::kPeerLost);
  CHECK(NodeOptions{}.liveness.silent_after == std::chrono::seconds(3));
}

TEST_CASE("stopped: a server at each step of a pull", "[F11][N8]") { server_stops({}); }
TEST_CASE("stopped: a server at each step of a pull over lane tls", "[F11]") { server_stops({.sealed = true}); }
TEST_CASE("stopped: a pull cancelled meanwhile writes nothing afterwards", "[F11][N9]") {
  cancelled_while_server_stops({});
}
TEST_CASE("stopped: a pull over lane tls cancelled meanwhile writes nothing afterwards", "[F11][N9]") {
  cancelled_while_server_stops({.sealed = true});
}
TEST_CASE("stopped: a client at each step of its pull", "[F11]") { client_stops({}); }
TEST_CASE("stopped: a client at each step of its pull over lane tls", "[F11]") { client_stops({.sealed = true}); }
TEST_CASE("stopped: the receiver of a push at each step", "[F11]") { receiver_stops({}); }
TEST_CASE("stopped: the receiver of a push at each step over lane tls", "[F11]") { receiver_stops({.sealed = true}); }
TEST_CASE("stopped: the sender of a push at each step", "[F11]") { sender_stops({}); }
TEST_CASE("stopped: the sender of a push at each step over lane tls", "[F11]") { sender_stops({.sealed = true}); }
