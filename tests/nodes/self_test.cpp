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

TEST_CASE("self: grains go to a ring of the own node in memory, under the rules of every ring", "[grains][M-44]") {
  constexpr std::size_t kBytes = 1'500'000, kSlots = 3;
  auto node = start();
  std::vector<std::byte> memory(kSlots * kBytes);
  TargetOptions ring;
  for (std::size_t i = 0; i < kSlots; ++i) ring.slots.push_back(std::span(memory).subspan(i * kBytes, kBytes));
  auto target = need(node.open_target(ring));
  const TargetInfo info = target.info();
  auto initiator = need(node.open_initiator());
  until_connected(initiator, need(initiator.add_target(info)));
  std::thread reader([&] {
    for (std::uint64_t index = 0; index < 30; ++index) {
      const auto grain = need(target.read(kSoon));
      const auto content = noise(kBytes, index);
      if (grain.index != index || std::memcmp(grain.data.data(), content.data(), kBytes) != 0) break;
      need(target.release(grain.slot));
    }
  });
  std::vector<std::vector<std::byte>> sources;
  for (std::uint64_t index = 0; index < 30; ++index) sources.push_back(noise(kBytes, index));
  for (std::uint64_t index = 0; index < 30; ++index) {
    const std::span<const std::byte> part(sources[index]);
    CHECK(need(initiator.send(index, std::span(&part, 1))) == 1);
  }
  for (std::uint64_t index = 0; index < 30; ++index) {
    const auto result = need(initiator.wait_result(kSoon));
    CHECK(result.index == index);
    need(result.result);
  }
  reader.join();
  CHECK(target.stats().grains == 30);
  const NodeStats stats = node.stats();
  CHECK((stats.dials == 0 && stats.sessions == 0 && stats.bytes_out == 0));

  // What waits for slots ends with the ring; one that is opened again is found again.
  const std::span<const std::byte> part(sources[0]);
  for (std::uint64_t index = 30; index < 40; ++index) need(initiator.send(index, std::span(&part, 1)));
  target.close();
  std::size_t arrived = 0;
  for (std::uint64_t index = 30; index < 40; ++index) {
    const auto result = need(initiator.wait_result(kSoon));
    CHECK(result.index == index);
    arrived += result.result ? 1 : 0;
    if (!result.result) CHECK(result.result.error().kind() == ErrorClass::kPeerLost);
  }
  CHECK(arrived <= kSlots);
  auto again = need(node.open_target(ring));
  CHECK(again.info() == info);
  until_connected(initiator, 0);
  need(initiator.send(41, std::span(&part, 1)));
  CHECK(need(again.read(kSoon)).index == 41);
  need(need(initiator.wait_result(kSoon)).result);
}

TEST_CASE("self: one initiator writes a ring of its own node and one of another", "[grains][M-41][M-44]") {
  auto node = start(), other = start();
  std::vector<std::byte> here(4 * 64), there(4 * 64);
  const auto ring = [](std::vector<std::byte>& memory) {
    TargetOptions options;
    for (std::size_t i = 0; i < 4; ++i) options.slots.push_back(std::span(memory).subspan(i * 64, 64));
    return options;
  };
  auto own = need(node.open_target(ring(here)));
  auto others = need(other.open_target(ring(there)));
  auto initiator = need(node.open_initiator());
  until_connected(initiator, need(initiator.add_target(own.info())));
  until_connected(initiator, need(initiator.add_target(others.info())));
  const auto content = noise(64, 1);
  const std::span<const std::byte> part(content);
  for (std::uint64_t index = 0; index < 100; ++index) {
    CHECK(need(initiator.send(index, std::span(&part, 1))) == 2);
    const Grain first = need(own.read(kSoon)), second = need(others.read(kSoon));
    CHECK((first.index == index && second.index == index));
    CHECK((first.from == node.id() && second.from == node.id()));
    need(own.release(first.slot));
    need(others.release(second.slot));
    for (int i = 0; i < 2; ++i) need(need(initiator.wait_result(kSoon)).result);
  }
  CHECK(here == there);
  need(initiator.remove_target(own.info()));
  CHECK(need(initiator.send(100, std::span(&part, 1))) == 1);
  CHECK(need(others.read(kSoon)).index == 100);
  need(need(initiator.wait_result(kSoon)).result);  // until then `content` is read
  CHECK_FALSE(own.try_read().has_value());
}

TEST_CASE("self: a result says of which send it is, where several are of one index", "[grains][M-44]") {
  auto node = start();
  std::vector<std::byte> memory(64);
  TargetOptions ring;
  ring.slots.push_back(memory);
  auto target = need(node.open_target(ring));
  auto initiator = need(node.open_initiator({.queue = 1}));
  until_connected(initiator, need(initiator.add_target(target.info())));
  const auto source = noise(64, 1);
  const std::span<const std::byte> part(source);
  const auto send = [&] { return need(initiator.send(7, std::span(&part, 1))); };
  CHECK(send() == 1);
  const auto first = need(initiator.wait_result(kSoon));
  CHECK((first.send == 0 && first.index == 7 && first.result));
  CHECK(send() == 1);                                                                 // waits for the one slot
  CHECK(failure(initiator.send(7, std::span(&part, 1))) == ErrorClass::kOverloaded);  // not taken, nor counted
  CHECK(initiator.pending() == 1);
  need(target.release(need(target.read(kSoon)).slot));
  const auto second = need(initiator.wait_result(kSoon));
  CHECK((second.send == 1 && second.index == 7 && second.result));
  CHECK(send() == 1);
  need(target.release(need(target.read(kSoon)).slot));
  const auto third = need(initiator.wait_result(kSoon));
  CHECK((third.send == 2 && third.index == 7 && third.result));
}
