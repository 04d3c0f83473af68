#include <algorithm>
#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>

#include <tests/nodes/nodes.hpp>

using namespace weft;
using namespace weft::test;

namespace {

MutableTensorView view_of(std::vector<std::uint8_t>& memory) {
  return MutableTensorView::of<std::uint8_t>(memory, {static_cast<std::int64_t>(memory.size())});
}

}  // namespace

TEST_CASE("on_offer: when its handler has gone, no push writes any more where the function chose", "[T-15]") {
  constexpr std::size_t kBytes = 256 << 20;
  const auto content = noise(kBytes, 1);
  for (const bool local : {false, true}) {
    CAPTURE(local);
    auto sender = start();
    auto receiver = start();
    std::vector<std::uint8_t> memory(kBytes);
    std::optional<Handler> handler =
        need(receiver.on_offer("*", [&](const Offer&) -> Result<MutableTensorView> { return view_of(memory); }));
    auto push = (local ? receiver : sender).push(receiver.ticket(), "t", TensorView::bytes(content));
    const std::atomic_ref<std::uint8_t> landed(memory[1]);
    while (landed.load() != static_cast<std::uint8_t>(content[1]) && !push.ready()) std::this_thread::yield();
    handler.reset();
    std::fill(memory.begin(), memory.end(), std::uint8_t{0xEE});
    (void)push.wait();
    for (int i = 0; i < 30; ++i) need(sender.ping(receiver.ticket()).wait());
    CHECK(static_cast<std::size_t>(std::count(memory.begin(), memory.end(), std::uint8_t{0xEE})) == kBytes);
  }
}

TEST_CASE("on_offer: a handler's end waits for the call of its function that runs", "[T-15]") {
  auto sender = start();
  auto receiver = start();
  std::promise<void> inside, go_on;
  std::atomic<bool> finished{false}, ending{false}, too_early{false};
  std::optional<Handler> handler = need(receiver.on_offer("*", [&](const Offer&) -> Result<MutableTensorView> {
    inside.set_value();
    go_on.get_future().wait();
    finished = true;
    return fail(ErrorClass::kForbidden, "on_offer", "no");
  }));
  const auto content = noise(10, 1);
  auto push = sender.push(receiver.ticket(), "t", TensorView::bytes(content));
  inside.get_future().wait();
  std::thread other([&] {
    ending = true;
    handler.reset();
    too_early = !finished;
  });
  while (!ending) std::this_thread::yield();
  for (int i = 0; i < 30; ++i) need(sender.ping(receiver.ticket()).wait());
  go_on.set_value();
  other.join();
  CHECK_FALSE(too_early);
  CHECK_FALSE(push.wait().has_value());
}

TEST_CASE("on_offer: a function may end its own handler; what it chose then is not written") {
  auto sender = start();
  auto receiver = start();
  std::vector<std::uint8_t> memory(100, 0xEE);
  std::optional<Handler> handler;
  handler = need(receiver.on_offer("*", [&](const Offer&) -> Result<MutableTensorView> {
    handler.reset();
    return view_of(memory);
  }));
  const auto content = noise(100, 1);
  CHECK(failure(sender.push(receiver.ticket(), "t", TensorView::bytes(content)).wait()) == ErrorClass::kOverloaded);
  CHECK(memory[0] == 0xEE);
}

TEST_CASE("on_offer: a function that throws refuses the offer with Internal, and is asked again") {
  std::atomic<int> logged{0};
  auto sender = start();
  auto receiver = start({.log = [&](LogLevel level, std::string_view, std::span<const LogField>) {
    if (level == LogLevel::kError) ++logged;
  }});
  std::vector<std::uint8_t> memory(10);
  const auto handler = need(receiver.on_offer("*", [&](const Offer& offer) -> Result<MutableTensorView> {
    if (offer.name == "bad") throw std::runtime_error("thrown by the function");
    return view_of(memory);
  }));
  const auto content = noise(10, 1);
  CHECK(failure(sender.push(receiver.ticket(), "bad", TensorView::bytes(content)).wait()) == ErrorClass::kInternal);
  CHECK(logged == 1);
  need(sender.push(receiver.ticket(), "good", TensorView::bytes(content)).wait());
}

TEST_CASE("on_offer: with an empty view a push goes to the inbox, when somebody receives", "[T-27]") {
  auto sender = start();
  auto receiver = start({.limits = {.inbox_bytes = 1000}});
  std::atomic<int> asked{0};
  const auto handler = need(receiver.on_offer("*", [&](const Offer& offer) -> Result<MutableTensorView> {
    ++asked;
    if (offer.name == "no") return fail(ErrorClass::kResourceExhausted, "on_offer", "it does not fit");
    return MutableTensorView{};
  }));
  const auto content = noise(900, 1);
  const auto push = [&](const char* name, std::size_t bytes) {
    return sender.push(receiver.ticket(), name, TensorView::bytes(std::span(content).first(bytes)));
  };
  auto first = push("a", 900);
  CHECK(failure(push("no", 10).wait()) == ErrorClass::kResourceExhausted);
  CHECK_FALSE(first.ready());
  auto empty = push("b", 0);
  CHECK(same_bytes(need(receiver.receive("a").wait()), content));
  need(first.wait());
  CHECK(need(receiver.receive("b").wait()).bytes().empty());
  need(empty.wait());
  CHECK(asked == 3);
  const auto large = noise(1001, 1);
  CHECK(failure(sender.push(receiver.ticket(), "c", TensorView::bytes(large)).wait()) == ErrorClass::kOverloaded);
}

TEST_CASE("on_offer: memory that is not the host's is refused, not written") {
  auto sender = start();
  auto receiver = start();
  std::vector<std::uint8_t> memory(10, 0xEE);
  const auto handler = need(receiver.on_offer("*", [&](const Offer& offer) -> Result<MutableTensorView> {
    return MutableTensorView::make(offer.meta, memory.data(), Device::cuda(0));
  }));
  const auto content = noise(10, 1);
  CHECK(failure(sender.push(receiver.ticket(), "t", TensorView::bytes(content)).wait()) == ErrorClass::kUnsupported);
  CHECK(memory[0] == 0xEE);
}

TEST_CASE("on_offer: what is larger than the inbox lands in the application's memory", "[T-27]") {
  auto sender = start();
  auto receiver = start({.limits = {.inbox_bytes = 1000}});
  std::vector<std::uint8_t> memory(500'000);
  const auto handler =
      need(receiver.on_offer("w", [&](const Offer&) -> Result<MutableTensorView> { return view_of(memory); }));
  const auto content = noise(memory.size(), 1);
  need(sender.push(receiver.ticket(), "w", TensorView::bytes(content)).wait());
  CHECK(std::memcmp(memory.data(), content.data(), memory.size()) == 0);
  auto next = receiver.receive("t");
  need(sender.push(receiver.ticket(), "t", TensorView::bytes(std::span(content).first(1000))).wait());
  need(next.wait());
}
