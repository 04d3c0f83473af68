#include <tests/nodes/nodes.hpp>
#include <tests/process/child.hpp>

/// A real process is killed or stopped at each step of a transfer; this one survives, and is told in time.
using namespace weft;
using namespace weft::test;

namespace {

constexpr std::size_t kBytes = 64 << 20;
constexpr auto kKnownDead = std::chrono::seconds(2);  // the bound of 1 s, and 1 s of slack for a loaded machine

struct At {
  const char* step;
  int count;
};

bool is_loss(ErrorClass kind) { return kind == ErrorClass::kPeerLost || kind == ErrorClass::kPeerUnreachable; }

/// Waits for the victim's last word, then for the survivor's call. How long the call took from then on.
template <class T>
Duration ended(Future<T>& call, Child& child, const char* step, Result<T>& result) {
  child.expect(std::string("at ") + step);
  const TimePoint then = Clock::now();
  auto got = call.wait_for(kSoon);
  REQUIRE(got.has_value());
  result = std::move(*got);
  return Clock::now() - then;
}

/// After a fault a node serves and pulls as before.
void still_works(TensorNode& node) {
  Child other;
  other.ask("serve s 300000 5");
  CHECK(same_bytes(need(node.get(other.ticket(), "s").wait()), noise(300'000, 5)));
  need(node.put("mine", blob(300'000, 6)));
  other.ask("get " + node.ticket().to_string() + " mine 300000 6");
}

}  // namespace

TEST_CASE("death: the server is killed at each step of a pull", "[F2][F3][F4][F5][F6][F7]") {
  auto node = start();
  for (const At at : {At{"session", 1}, At{"message", 1}, At{"message", 2}, At{"rail", 1}, At{"write", 1},
                      At{"write", 100}, At{"write", 256}}) {
    CAPTURE(at.step, at.count);
    Child server;
    server.ask("serve t " + std::to_string(kBytes) + " 1");
    server.ask(std::string("arm ") + at.step + " " + std::to_string(at.count) + " kill");
    auto pull = node.get(server.ticket(), "t");
    Result<Tensor> result;
    const Duration took = ended(pull, server, at.step, result);
    CHECK(took < kKnownDead);
    // Killed after its last write, it may have said all that was needed.
    if (result)
      CHECK(same_bytes(*result, noise(kBytes, 1)));
    else
      CHECK(is_loss(result.error().kind()));
  }
  still_works(node);
}

TEST_CASE("death: the client is killed at each step of its pull, the server goes on", "[F1][F2][F3][F5][F6][F8]") {
  auto node = start();
  need(node.put("t", blob(kBytes, 1)));
  for (const At at : {At{"dial", 1}, At{"session", 1}, At{"message", 2}, At{"landing", 1}, At{"rail", 1},
                      At{"arrival", 1}, At{"arrival", 100}, At{"outcome", 1}}) {
    CAPTURE(at.step, at.count);
    Child client;
    client.ask(std::string("arm ") + at.step + " " + std::to_string(at.count) + " kill");
    client.send("get " + node.ticket().to_string() + " t " + std::to_string(kBytes) + " 1");
    client.expect(std::string("at ") + at.step);
    const TimePoint then = Clock::now();
    while (node.stats().sessions != 0 || node.stats().transfers != 0)
      if (Clock::now() - then > kSoon) FAIL("its session stays");
    CHECK(Clock::now() - then < kKnownDead);
  }
  still_works(node);
}

TEST_CASE("death: the receiver of a push is killed at each step", "[F3][F4][F5][F7]") {
  auto node = start();
  const auto content = noise(kBytes, 1);
  for (const At at : {At{"session", 1}, At{"offer", 1}, At{"landing", 1}, At{"rail", 1}, At{"arrival", 1},
                      At{"arrival", 200}, At{"outcome", 1}}) {
    CAPTURE(at.step, at.count);
    Child receiver;
    receiver.ask(std::string("arm ") + at.step + " " + std::to_string(at.count) + " kill");
    receiver.send("receive x " + std::to_string(kBytes) + " 1");
    auto push = node.push(receiver.ticket(), "x", TensorView::bytes(content));
    Result<Receipt> result;
    CHECK(ended(push, receiver, at.step, result) < kKnownDead);
    if (!result)
      CHECK(is_loss(result.error().kind()));
    else
      CHECK(std::string(at.step) == "outcome");  // no success without a receipt
  }
  still_works(node);
}

TEST_CASE("death: the sender of a push is killed at each step, nothing of it is seen", "[F3][F4][F5][F6]") {
  auto node = start();
  auto waiting = node.receive("x");
  for (const At at : {At{"session", 1}, At{"message", 1}, At{"rail", 1}, At{"write", 1}, At{"write", 100}}) {
    CAPTURE(at.step, at.count);
    Child sender;
    sender.ask(std::string("arm ") + at.step + " " + std::to_string(at.count) + " kill");
    sender.send("push " + node.ticket().to_string() + " x " + std::to_string(kBytes) + " 1");
    sender.expect(std::string("at ") + at.step);
    const TimePoint then = Clock::now();
    while (node.stats().sessions != 0)
      if (Clock::now() - then > kSoon) FAIL("its session stays");
    CHECK(Clock::now() - then < kKnownDead);
    CHECK_FALSE(waiting.ready());
    CHECK(node.stats().inbox == 0);
  }
  Child sender;
  sender.ask("push " + node.ticket().to_string() + " x 1000000 2");
  CHECK(same_bytes(need(waiting.wait()), noise(1'000'000, 2)));
}

TEST_CASE("stopped: a silent server is lost after three seconds, and what it does later hits nothing", "[F11]") {
  auto node = start();
  std::vector<std::uint8_t> memory(kBytes);
  Child server;
  server.ask("serve t " + std::to_string(kBytes) + " 1");
  server.ask("arm write 20 stop");
  auto pull = node.get(server.ticket(), "t",
                       {.into = MutableTensorView::of<std::uint8_t>(memory, {static_cast<std::int64_t>(kBytes)})});
  Result<Tensor> result;
  const Duration took = ended(pull, server, "write", result);
  CHECK(failure(result) == ErrorClass::kPeerLost);
  CHECK(took < std::chrono::seconds(5));
  std::fill(memory.begin(), memory.end(), std::uint8_t{0xEE});
  server.signal(SIGCONT);
  // It is the same process, so its ticket is good; by its next answer what it had left to write is gone.
  CHECK(same_bytes(need(node.get(server.ticket(), "t").wait_for(kSoon)), noise(kBytes, 1)));
  CHECK(static_cast<std::size_t>(std::count(memory.begin(), memory.end(), std::uint8_t{0xEE})) == kBytes);
}

TEST_CASE("stopped: at each step of a pull, server or client, the other is told", "[F11]") {
  auto node = start(
      {.liveness = {.heartbeat = std::chrono::milliseconds(100), .silent_after = std::chrono::milliseconds(600)}});
  need(node.put("t", blob(kBytes, 1)));
  for (const At at : {At{"session", 1}, At{"message", 2}, At{"rail", 1}, At{"write", 1}, At{"write", 200}}) {
    CAPTURE(at.step, at.count);
    Child server;
    server.ask("serve t " + std::to_string(kBytes) + " 1");
    server.ask(std::string("arm ") + at.step + " " + std::to_string(at.count) + " stop");
    auto pull = node.get(server.ticket(), "t", {.deadline = std::chrono::seconds(4)});
    Result<Tensor> result;
    CHECK(ended(pull, server, at.step, result) < std::chrono::seconds(6));
    const ErrorClass kind = failure(result);
    INFO(result.error().to_string());
    CHECK((is_loss(kind) || kind == ErrorClass::kDeadlineExceeded));
  }
  for (const At at : {At{"session", 1}, At{"message", 2}, At{"landing", 1}, At{"arrival", 50}}) {
    CAPTURE(at.step, at.count);
    Child client;
    client.ask(std::string("arm ") + at.step + " " + std::to_string(at.count) + " stop");
    client.send("get " + node.ticket().to_string() + " t " + std::to_string(kBytes) + " 1");
    client.expect(std::string("at ") + at.step);
    const TimePoint then = Clock::now();
    while (node.stats().sessions != 0 || node.stats().transfers != 0)
      if (Clock::now() - then > kSoon) FAIL("its session stays");
    CHECK(Clock::now() - then < std::chrono::seconds(3));
  }
  still_works(node);
}
