#include <atomic>
#include <thread>

#include <tests/nodes/nodes.hpp>

using namespace weft;
using namespace weft::test;

TEST_CASE("self: a push to the own ticket is held until somebody receives it", "[T-12]") {
  auto node = start();
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{100}, std::size_t{3'000'000}}) {
    CAPTURE(bytes);
    const auto content = noise(bytes, bytes + 1);
    auto push = node.push(node.ticket(), "t" + std::to_string(bytes), TensorView::bytes(content));
    (void)node.stats();  // the loop has seen it
    CHECK_FALSE(push.ready());
    CHECK(node.stats().inbox == 0);
    const Tensor got = need(node.receive("t" + std::to_string(bytes)).wait());
    CHECK(same_bytes(got, content));
    CHECK(got.from() == node.id());
    const Receipt receipt = need(push.wait());
    CHECK(receipt.bytes == bytes);
    CHECK(receipt.digest == got.digest());
    CHECK(receipt.generation == got.generation());
    CHECK(receipt.lane == Lane::kLocal);
  }
}

TEST_CASE("self: the inbox's budget and the deadline hold for a push to the own ticket", "[T-27]") {
  auto node = start({.limits = {.inbox_bytes = 1'000'000}});
  CHECK_FALSE(node.try_receive().has_value());
  const auto content = noise(600'000, 1), large = noise(1'000'001, 2);
  const Ticket self = node.ticket();
  CHECK(failure(node.push(self, "t", TensorView::bytes(large)).wait()) == ErrorClass::kOverloaded);
  auto first = node.push(self, "t", TensorView::bytes(content));
  need(first.wait());
  CHECK(failure(node.push(self, "t", TensorView::bytes(content), {.deadline = std::chrono::milliseconds(20)}).wait()) ==
        ErrorClass::kDeadlineExceeded);
  auto waits = node.push(self, "t", TensorView::bytes(content));
  (void)node.stats();
  CHECK_FALSE(waits.ready());
  need(node.receive().wait());
  need(waits.wait());
  { const auto dropped = node.push(self, "t", TensorView::bytes(content)); }
  need(node.receive().wait());
  CHECK_FALSE(node.try_receive().has_value());
  CHECK(node.stats().inbox == 0);
}

TEST_CASE("self: on_offer decides over a push to the own ticket", "[T-15]") {
  auto node = start();
  std::vector<std::uint8_t> memory(2'000'000);
  const auto handler = need(node.on_offer("w.*", [&](const Offer& offer) -> Result<MutableTensorView> {
    if (offer.name == "w.no") return fail(ErrorClass::kForbidden, "on_offer", "not this one");
    return MutableTensorView::of<std::uint8_t>(memory, {static_cast<std::int64_t>(memory.size())});
  }));
  const auto content = noise(memory.size(), 1);
  need(node.push(node.ticket(), "w.yes", TensorView::bytes(content)).wait());
  CHECK(std::memcmp(memory.data(), content.data(), memory.size()) == 0);
  CHECK(static_cast<const void*>(need(node.receive("w.*").wait()).bytes().data()) == memory.data());
  CHECK(failure(node.push(node.ticket(), "w.no", TensorView::bytes(content)).wait()) == ErrorClass::kForbidden);
}

TEST_CASE("self: a push to the own ticket that nobody receives ends with the node") {
  auto node = start();
  const auto content = noise(100, 1);
  auto push = node.push(node.ticket(), "t", TensorView::bytes(content));
  need(node.stop().wait());
  CHECK(failure(push.wait()) == ErrorClass::kShuttingDown);
}
