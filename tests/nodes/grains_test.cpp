#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <thread>

#include <tests/nodes/memory_ring.hpp>

using namespace weft;
using namespace weft::test;
using namespace std::chrono_literals;

TEST_CASE("grains: each arrives whole, in order, in the slot its index says", "[grains][M-16][M-05]") {
  for (const std::size_t bytes : {64uz, 4096uz, 3'000'000uz}) {
    CAPTURE(bytes);
    Memory memory(5, bytes);
    auto node = unwrap(TensorNode::start());
    auto target = unwrap(node.open_target(ring(memory)));
    auto other = unwrap(TensorNode::start());
    auto initiator = unwrap(other.open_initiator());
    const auto number = unwrap(initiator.add_target(unwrap(TargetInfo::parse(target.info().to_string()))));
    until_connected(initiator, number);
    for (std::uint64_t index = 100; index < 130; ++index) {
      const auto bytes_sent = content(index, bytes);
      CHECK(send(initiator, index, bytes_sent) == 1);
      const auto grain = target.read(20s);
      REQUIRE(grain.has_value());
      CHECK(grain->index == index);
      CHECK(grain->slot == index % 5);
      CHECK(grain->complete);
      CHECK(grain->from == other.id());
      CHECK(equal(grain->data, bytes_sent));
      CHECK(target.release(grain->slot));
      expect_arrived(initiator, index);
    }
    CHECK(initiator.pending() == 0);
    CHECK(target.stats().grains == 30);
  }
}

TEST_CASE("grains: a slot that is not released is not written, and what waits for it may expire", "[grains][O-W15]") {
  Memory memory(4, 1000);
  auto node = unwrap(TensorNode::start());
  auto target = unwrap(node.open_target(ring(memory)));
  auto other = unwrap(TensorNode::start());
  auto initiator = unwrap(other.open_initiator());
  until_connected(initiator, unwrap(initiator.add_target(target.info())));
  std::vector<std::vector<std::byte>> sent;
  for (std::uint64_t index = 0; index < 9; ++index) sent.push_back(content(index, 1000));
  for (std::uint64_t index = 0; index < 9; ++index)
    send(initiator, index, sent[index], {.deadline = index == 8 ? Deadline(100ms) : Deadline()});
  std::vector<Grain> held;
  for (int i = 0; i < 4; ++i) {
    held.push_back(unwrap(target.read(20s)));
    CHECK(held.back().index == static_cast<std::uint64_t>(i));
  }
  CHECK(target.read(150ms).error().kind() == ErrorClass::kDeadlineExceeded);
  for (const Grain& grain : held) CHECK(equal(grain.data, sent[grain.index]));
  for (int i = 0; i < 4; ++i) expect_arrived(initiator, static_cast<std::uint64_t>(i));
  const auto expired = unwrap(initiator.wait_result(20s));
  CHECK(expired.index == 8);
  CHECK(expired.result.error().kind() == ErrorClass::kDeadlineExceeded);
  CHECK_FALSE(expired.result.error().may_have_arrived());
  CHECK(target.release(held[1].slot));  // not the next one: in order it is granted
  CHECK(target.release(held[0].slot));
  CHECK(unwrap(target.read(20s)).index == 4);
  CHECK(unwrap(target.read(20s)).index == 5);
  CHECK(target.release(99).error().kind() == ErrorClass::kInvalidArgument);
  CHECK(target.release(held[0].slot));
  CHECK(target.release(held[0].slot).error().kind() == ErrorClass::kInvalidArgument);
}

TEST_CASE("grains: what no target has room for is refused at the call, and where one has, told by the others' results",
          "[grains][O-W15]") {
  Memory slow(1, 64), quick(8, 64);
  auto node = unwrap(TensorNode::start());
  auto target = unwrap(node.open_target(ring(slow)));
  auto other = unwrap(TensorNode::start());
  auto initiator = unwrap(other.open_initiator({.queue = 2}));
  until_connected(initiator, unwrap(initiator.add_target(target.info())));
  const auto bytes = content(1, 64);
  const std::span<const std::byte> part(bytes);
  send(initiator, 0, bytes);
  expect_arrived(initiator, 0);
  for (std::uint64_t index = 1; index < 3; ++index) send(initiator, index, bytes);
  for (int i = 0; i < 100; ++i) CHECK(initiator.send(3, std::span(&part, 1)).error().kind() == ErrorClass::kOverloaded);
  CHECK(initiator.pending() == 2);
  CHECK_FALSE(initiator.next_result());
  auto second = unwrap(node.open_target(ring(quick, "quick")));
  const auto number = unwrap(initiator.add_target(second.info()));
  until_connected(initiator, number);
  CHECK(send(initiator, 4, bytes) == 1);
  std::map<std::size_t, bool> arrived;
  for (int i = 0; i < 2; ++i) {
    const auto result = unwrap(initiator.wait_result(20s));
    CHECK(result.index == 4);
    arrived[result.target] = result.result.has_value();
    if (!result.result) CHECK(result.result.error().kind() == ErrorClass::kOverloaded);
  }
  CHECK(arrived == std::map<std::size_t, bool>{{0, false}, {number, true}});
  CHECK(target.release(unwrap(target.read(20s)).slot));
  expect_arrived(initiator, 1);
  CHECK(send(initiator, 5, bytes) == 2);
}

TEST_CASE("grains: one initiator, three targets, one of them alone, and one that joins in mid-stream",
          "[grains][M-41][O-W14]") {
  Memory first(8, 512), second(3, 512), third(6, 512);
  auto node_a = unwrap(TensorNode::start());
  auto node_b = unwrap(TensorNode::start());
  auto a = unwrap(node_a.open_target(ring(first)));
  auto b = unwrap(node_b.open_target(ring(second)));
  auto other = unwrap(TensorNode::start());
  auto initiator = unwrap(other.open_initiator());
  const auto bytes = content(1, 512);
  const std::span<const std::byte> part(bytes);
  CHECK(initiator.send(0, std::span(&part, 1)).error().kind() == ErrorClass::kPeerUnreachable);
  const auto to_a = unwrap(initiator.add_target(a.info()));
  const auto to_b = unwrap(initiator.add_target(b.info()));
  CHECK(initiator.add_target(a.info()).error().kind() == ErrorClass::kExists);
  until_connected(initiator, to_a);
  until_connected(initiator, to_b);
  CHECK(send(initiator, 1, bytes) == 2);
  CHECK(send(initiator, 2, bytes, {.only = to_b}) == 1);
  auto c = unwrap(node_a.open_target(ring(third, "another")));
  const auto to_c = unwrap(initiator.add_target(c.info()));
  until_connected(initiator, to_c);
  CHECK(send(initiator, 3, bytes) == 3);
  const auto indices = [](Target& target, std::size_t count) {
    std::vector<std::uint64_t> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(unwrap(target.read(20s)).index);
    return all;
  };
  CHECK(indices(a, 2) == std::vector<std::uint64_t>{1, 3});
  CHECK(indices(b, 3) == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(indices(c, 1) == std::vector<std::uint64_t>{3});
  std::map<std::size_t, int> results;
  for (int i = 0; i < 6; ++i) {
    const auto result = unwrap(initiator.wait_result(20s));
    CHECK(result.result.has_value());
    ++results[result.target];
  }
  CHECK(results == std::map<std::size_t, int>{{to_a, 2}, {to_b, 3}, {to_c, 1}});
  CHECK(initiator.remove_target(b.info()));
  CHECK(initiator.remove_target(b.info()).error().kind() == ErrorClass::kNotFound);
  CHECK(send(initiator, 4, bytes) == 2);
}

TEST_CASE("grains: two initiators share a ring, and a third is told that it is full", "[grains][O-W16]") {
  Memory memory(6, 256);
  auto node = unwrap(TensorNode::start());
  auto options = ring(memory);
  options.initiators = 2;
  auto target = unwrap(node.open_target(std::move(options)));
  std::vector<TensorNode> nodes;
  std::vector<Initiator> initiators;
  for (int i = 0; i < 3; ++i) {
    nodes.push_back(unwrap(TensorNode::start()));
    initiators.push_back(unwrap(nodes.back().open_initiator()));
    REQUIRE(initiators.back().add_target(target.info()) == 0);
    if (i < 2) until_connected(initiators.back(), 0);
  }
  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = 0; i < 2; ++i) {
      const auto bytes = content(static_cast<std::uint64_t>(round) * 2 + i, 256);
      send(initiators[i], static_cast<std::uint64_t>(round) * 2 + i, bytes);
      const auto grain = unwrap(target.read(20s));
      CHECK(grain.from == nodes[i].id());
      CHECK(equal(grain.data, bytes));
      CHECK((grain.slot < 3) == (i == 0));
      CHECK(target.release(grain.slot));
      expect_arrived(initiators[i], grain.index);
    }
  }
  REQUIRE(soon([&] { return initiators[2].why(0).has_value(); }));
  CHECK(initiators[2].why(0)->kind() == ErrorClass::kOverloaded);
  initiators.erase(initiators.begin());  // its share is another's now
  until_connected(initiators[1], 0);
}

TEST_CASE("grains: in slices, and the grain that is announced without content", "[grains][M-23]") {
  Memory memory(2, 900);
  auto node = unwrap(TensorNode::start());
  auto options = ring(memory);
  options.slices = 3;
  auto target = unwrap(node.open_target(std::move(options)));
  auto other = unwrap(TensorNode::start());
  auto initiator = unwrap(other.open_initiator());
  until_connected(initiator, unwrap(initiator.add_target(target.info())));
  const auto whole = content(7, 900);
  for (std::uint32_t slice = 0; slice < 3; ++slice) {
    const std::vector<std::byte> bytes(whole.begin() + 300l * slice, whole.begin() + 300l * slice + 300);
    send(initiator, 7, bytes, {.first_slice = slice, .last_slice = slice + 1, .part = true});
    const auto grain = unwrap(target.read(20s));
    CHECK(grain.valid_slices == slice + 1);
    CHECK(grain.complete == (slice == 2));
    CHECK(std::equal(grain.data.begin(), grain.data.end(), whole.begin()));
    CHECK(grain.data.size() == 300ul * slice + 300);
    if (grain.complete) CHECK(target.release(grain.slot));
    expect_arrived(initiator, 7);
  }
  send(initiator, 8, {}, {.part = true});
  const auto invalid = unwrap(target.read(20s));
  CHECK(invalid.invalid);
  CHECK(invalid.index == 8);
  CHECK(invalid.data.empty());
  CHECK(target.release(invalid.slot));
  expect_arrived(initiator, 8);
  // What lies in the slot before it is another grain's.
  send(initiator, 9, std::vector<std::byte>(whole.begin() + 300, whole.begin() + 600),
       {.first_slice = 1, .last_slice = 2, .part = true});
  const auto alone = unwrap(initiator.wait_result(20s));
  CHECK(alone.index == 9);
  CHECK(alone.result.error().kind() == ErrorClass::kInvalidArgument);
  CHECK_FALSE(target.try_read());
  const std::span<const std::byte> part(whole);
  const auto refused = [&](SendOptions how) { return initiator.send(9, std::span(&part, 1), how).error().kind(); };
  CHECK(refused({.first_slice = 2, .last_slice = 1, .part = true}) == ErrorClass::kInvalidArgument);
  CHECK(refused({.first_slice = 0, .last_slice = 4, .part = true}) == ErrorClass::kInvalidArgument);
  CHECK(refused({.first_slice = 0, .last_slice = 1, .part = true}) == ErrorClass::kInvalidArgument);
}

TEST_CASE("grains: a target that was closed and opened again is written again, with the same info",
          "[grains][O-W16][O-W17]") {
  Memory memory(3, 128);
  auto node = unwrap(TensorNode::start());
  std::optional<Target> target = unwrap(node.open_target(ring(memory)));
  const std::string info = target->info().to_string();
  auto other = unwrap(TensorNode::start());
  auto initiator = unwrap(other.open_initiator());
  const auto number = unwrap(initiator.add_target(unwrap(TargetInfo::parse(info))));
  for (int round = 0; round < 5; ++round) {
    until_connected(initiator, number);
    const auto bytes = content(static_cast<std::uint64_t>(round), 128);
    send(initiator, static_cast<std::uint64_t>(round), bytes);
    const auto grain = unwrap(target->read(20s));
    CHECK(equal(grain.data, bytes));
    expect_arrived(initiator, static_cast<std::uint64_t>(round));
    target->close();
    CHECK(target->read(1s).error().kind() == ErrorClass::kShuttingDown);
    const auto before = memory.all;
    REQUIRE(soon([&] { return initiator.link(number) != TargetLink::kConnected; }));
    CHECK(memory.all == before);
    target.emplace(unwrap(node.open_target(ring(memory))));
    CHECK(target->info().to_string() == info);
  }
}

TEST_CASE("grains: every send ends when its target's node goes", "[grains][O-W4]") {
  Memory memory(4, 100'000);
  std::optional<TensorNode> node = unwrap(TensorNode::start());
  std::optional<Target> target = unwrap(node->open_target(ring(memory)));
  auto other = unwrap(TensorNode::start());
  auto initiator = unwrap(other.open_initiator());
  until_connected(initiator, unwrap(initiator.add_target(target->info())));
  const auto bytes = content(1, 100'000);
  for (std::uint64_t index = 0; index < 10; ++index) send(initiator, index, bytes);
  std::set<std::uint64_t> ended;
  for (int i = 0; i < 4; ++i) ended.insert(unwrap(initiator.wait_result(20s)).index);
  node.reset();  // with the target open
  for (int i = 0; i < 6; ++i) {
    const auto result = unwrap(initiator.wait_result(20s));
    CHECK_FALSE(result.result.has_value());
    ended.insert(result.index);
  }
  CHECK(ended.size() == 10);
  CHECK(initiator.pending() == 0);
  target.reset();
}

TEST_CASE("grains: by callbacks", "[grains][M-32]") {
  Memory memory(4, 64);
  auto node = unwrap(TensorNode::start());
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::uint64_t> grains, results;
  auto options = ring(memory);
  options.on_grain = [&](const Grain& grain) {
    const std::lock_guard lock(mutex);
    grains.push_back(grain.index);
    changed.notify_all();
  };
  auto target = unwrap(node.open_target(std::move(options)));
  auto other = unwrap(TensorNode::start());
  auto initiator = unwrap(other.open_initiator({.on_result = [&](const GrainResult& result) {
    const std::lock_guard lock(mutex);
    CHECK(result.result.has_value());
    results.push_back(result.index);
    changed.notify_all();
  }}));
  until_connected(initiator, unwrap(initiator.add_target(target.info())));
  const auto bytes = content(3, 64);
  for (std::uint64_t index = 0; index < 100; ++index) send(initiator, index, bytes);
  std::unique_lock lock(mutex);
  CHECK(changed.wait_for(lock, 20s, [&] { return grains.size() == 100 && results.size() == 100; }));
  CHECK(std::ranges::is_sorted(grains));
}

TEST_CASE("grains: a ring of one lane is written over that lane, and by nobody who cannot come over it", "[grains]") {
  for (const Lane lane : {Lane::kTls, Lane::kTcp}) {
    CAPTURE(to_string(lane));
    Memory memory(4, 1000);
    auto node = unwrap(TensorNode::start());
    auto options = ring(memory);
    options.lane = lane;
    auto target = unwrap(node.open_target(options));
    auto other = unwrap(TensorNode::start());
    auto initiator = unwrap(other.open_initiator({.lane = lane}));  // over another: Unsupported
    until_connected(initiator, unwrap(initiator.add_target(target.info())));
    const auto sent = content(7, 1000);
    CHECK(send(initiator, 7, sent) == 1);
    expect_arrived(initiator, 7);

    auto without = unwrap(TensorNode::start({.lanes = {lane == Lane::kTls ? Lane::kTcp : Lane::kTls}}));
    auto refused = unwrap(without.open_initiator({.lane = lane == Lane::kTls ? Lane::kTcp : Lane::kAuto}));
    initiator.close();
    const auto number = unwrap(refused.add_target(target.info()));
    REQUIRE(soon([&] { return refused.link(number) == TargetLink::kFailed; }));
    CHECK(refused.why(number)->kind() == ErrorClass::kUnsupported);
  }
}

TEST_CASE("grains: who has not the token, or another shape of the ring, is refused with the reason", "[grains][M-21]") {
  Memory memory(4, 64);
  auto node = unwrap(TensorNode::start());
  auto target = unwrap(node.open_target(ring(memory)));
  CHECK(node.open_target(ring(memory)).error().kind() == ErrorClass::kExists);
  auto other = unwrap(TensorNode::start());
  const auto refused_as = [&](const TargetInfo& info) {
    auto initiator = unwrap(other.open_initiator());
    REQUIRE(initiator.add_target(info) == 0);
    REQUIRE(soon([&] { return initiator.why(0).has_value(); }));
    return initiator.why(0)->kind();
  };
  TargetInfo info = target.info();
  info.token[3] ^= std::byte{1};
  CHECK(refused_as(info) == ErrorClass::kForbidden);
  info = target.info();
  info.grains = 5;
  CHECK(refused_as(info) == ErrorClass::kStale);
  info = target.info();
  info.grain_bytes = 32;
  CHECK(refused_as(info) == ErrorClass::kStale);
}

TEST_CASE("grains: rings that cannot be are refused", "[grains][O-58]") {
  Memory memory(4, 64);
  auto node = unwrap(TensorNode::start());
  const auto refused = [&](TargetOptions options) { return node.open_target(std::move(options)).error().kind(); };
  CHECK(refused({}) == ErrorClass::kInvalidArgument);
  CHECK(refused({.name = "", .slots = memory.slots}) == ErrorClass::kInvalidArgument);
  CHECK(refused({.slots = {memory.slots[0], memory.slots[1].first(63)}}) == ErrorClass::kInvalidArgument);
  CHECK(refused({.slots = {memory.slots[0].first(0)}}) == ErrorClass::kInvalidArgument);
  CHECK(refused({.slots = memory.slots, .slices = 3}) == ErrorClass::kInvalidArgument);
  CHECK(refused({.slots = memory.slots, .slices = 0}) == ErrorClass::kInvalidArgument);
  CHECK(refused({.slots = memory.slots, .initiators = 0}) == ErrorClass::kInvalidArgument);
  CHECK(refused({.slots = memory.slots, .initiators = 5}) == ErrorClass::kInvalidArgument);
}

TEST_CASE("grains: a ring of a million slots is one, a slot more is refused, and no number of a slot wraps",
          "[grains][O-58]") {
  Memory most(1 << 20, 1);
  auto node = unwrap(TensorNode::start());
  CHECK(unwrap(node.open_target(ring(most))).info().grains == 1 << 20);
  std::vector<std::byte> another(1);
  most.slots.emplace_back(another);
  const auto refused = node.open_target(ring(most));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind() == ErrorClass::kInvalidArgument);
  CHECK(refused.error().to_string().find("1 to 1 048 576 grains") != std::string::npos);

  Memory memory(70'000, 8);
  auto target = unwrap(node.open_target(ring(memory)));
  auto other = unwrap(TensorNode::start());
  auto initiator = unwrap(other.open_initiator());
  until_connected(initiator, unwrap(initiator.add_target(target.info())));
  for (const std::uint64_t index : {0ul, 65'535ul, 65'536ul, 69'999ul, 70'000ul}) {
    const auto bytes = content(index, 8);
    send(initiator, index, bytes);
    const auto grain = unwrap(target.read(20s));
    CHECK(grain.slot == index % 70'000);
    CHECK(equal(grain.data, bytes));
    CHECK(equal(memory.slots[grain.slot], bytes));
    CHECK(target.release(grain.slot));
    expect_arrived(initiator, index);
  }
}
