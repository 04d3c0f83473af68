#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include <tests/nodes/nodes.hpp>

using namespace weft;
using namespace weft::test;

TEST_CASE("push: a receipt says what arrived, of any size", "[T-05][T-12]") {
  auto sender = start();
  auto receiver = start();
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{8192}, std::size_t{8193},
                                  std::size_t{1 << 20}, std::size_t{20'000'001}}) {
    CAPTURE(bytes);
    auto waiting = receiver.receive("act.*");
    const auto content = noise(bytes, bytes + 1);
    const Receipt receipt = need(sender.push(receiver.ticket(), "act.7", TensorView::bytes(content)).wait());
    const Tensor got = need(waiting.wait());
    CHECK(same_bytes(got, content));
    CHECK(got.name() == "act.7");
    CHECK(got.from() == sender.id());
    CHECK(receipt.bytes == bytes);
    CHECK(receipt.digest == got.digest());
    CHECK(receipt.generation == got.generation());
    CHECK(receipt.verified_pieces);
  }
}

TEST_CASE("push: a strided view travels dense, meta and all", "[T-04][X-3]") {
  auto sender = start();
  auto receiver = start();
  std::vector<std::int32_t> values(300 * 200);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int32_t>(i);
  const TensorMeta meta{.dtype = DType::kI32, .shape = {200, 300}, .strides = {1, 200}, .requires_grad = true};
  auto waiting = receiver.receive();
  need(sender.push(receiver.ticket(), "t", need(TensorView::make(meta, values.data()))).wait());
  const Tensor got = need(waiting.wait());
  CHECK(got.meta().shape == Shape{200, 300});
  CHECK(got.meta().requires_grad);
  const auto out = need(got.as<std::int32_t>());
  std::size_t wrong = 0;
  for (std::size_t r = 0; r < 200; ++r)
    for (std::size_t c = 0; c < 300; ++c) wrong += out[r * 300 + c] != static_cast<std::int32_t>(r + 200 * c);
  CHECK(wrong == 0);
}

TEST_CASE("push: what was delivered to a future that went is received by the next one", "[T-12]") {
  auto sender = start();
  auto receiver = start();
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{100}, std::size_t{300'000}}) {
    CAPTURE(bytes);
    const auto first = noise(bytes, 1);
    const auto second = noise(bytes + 1, 2);
    {
      const auto dropped = receiver.receive("t");
      need(sender.push(receiver.ticket(), "t", TensorView::bytes(first)).wait());
      until([&] { return dropped.ready(); });
      need(sender.push(receiver.ticket(), "t", TensorView::bytes(second)).wait());
    }
    CHECK(same_bytes(need(receiver.receive("t").wait()), first));
    CHECK(same_bytes(need(receiver.receive("t").wait()), second));
  }
}

TEST_CASE("push: what nobody receives yet is held, and delivered when somebody does", "[T-05]") {
  auto sender = start();
  auto receiver = start();
  std::vector<std::vector<std::byte>> contents;
  std::vector<Future<Receipt>> pushes;
  for (const std::size_t bytes : {std::size_t{100}, std::size_t{100'000}}) {
    contents.push_back(noise(bytes, bytes));
    pushes.push_back(sender.push(receiver.ticket(), "t", TensorView::bytes(contents.back())));
  }
  need(sender.ping(receiver.ticket()).wait());  // both offers are there before its answer
  CHECK_FALSE(pushes[0].ready());
  CHECK_FALSE(receiver.try_receive("other.*").has_value());
  CHECK_FALSE(pushes[1].ready());
  for (const auto& content : contents) CHECK(same_bytes(need(receiver.receive("t").wait()), content));
  for (auto& push : pushes) CHECK(push.wait().has_value());
}

TEST_CASE("push: one sender's pushes arrive in their order, none twice, none lost", "[T-12][T-W5][N4]") {
  auto sender = start();
  auto receiver = start();
  constexpr std::size_t kCount = 300;
  std::vector<std::vector<std::byte>> contents;
  for (std::size_t i = 0; i < kCount; ++i) contents.push_back(noise(i % 3 == 0 ? 50'000 : 64, i));
  std::vector<Future<Receipt>> pushes;
  for (std::size_t i = 0; i < kCount; ++i)
    pushes.push_back(sender.push(receiver.ticket(), "t" + std::to_string(i), TensorView::bytes(contents[i])));
  for (std::size_t n = 0; n < kCount; ++n) {
    const Tensor got = need(receiver.receive().wait());
    CHECK(got.name() == "t" + std::to_string(n));
    CHECK(same_bytes(got, contents[n]));
  }
  for (auto& push : pushes) need(push.wait());
  CHECK_FALSE(receiver.try_receive().has_value());
}

TEST_CASE("push: two who wait are both served, and the pattern chooses", "[T-12][T-11]") {
  auto sender = start();
  auto receiver = start();
  auto a = receiver.receive("a*");
  auto b = receiver.receive("b*");
  const auto content = noise(10, 1);
  need(sender.push(receiver.ticket(), "b1", TensorView::bytes(content)).wait());
  need(sender.push(receiver.ticket(), "a1", TensorView::bytes(content)).wait());
  CHECK(need(a.wait()).name() == "a1");
  CHECK(need(b.wait()).name() == "b1");
}

TEST_CASE("push: a full inbox makes the sender wait until room is made", "[T-27][T-W8][F26]") {
  auto sender = start();
  auto receiver = start({.limits = {.inbox_bytes = 3'000'000}});
  CHECK_FALSE(receiver.try_receive().has_value());  // it receives from now on
  const auto content = noise(1'000'000, 1);
  std::vector<Future<Receipt>> pushes;
  for (int i = 0; i < 8; ++i) pushes.push_back(sender.push(receiver.ticket(), "t", TensorView::bytes(content)));
  for (int i = 0; i < 3; ++i) need(pushes[static_cast<std::size_t>(i)].wait_for(kSoon));
  need(sender.ping(receiver.ticket()).wait());
  CHECK(receiver.stats().inbox == 3);
  CHECK_FALSE(pushes[3].ready());
  for (int i = 0; i < 8; ++i) CHECK(same_bytes(need(receiver.receive().wait()), content));
  for (int i = 3; i < 8; ++i) need(pushes[static_cast<std::size_t>(i)].wait_for(kSoon));
  const auto large = noise(3'000'001, 1);
  CHECK(failure(sender.push(receiver.ticket(), "t", TensorView::bytes(large)).wait()) == ErrorClass::kOverloaded);
}

TEST_CASE("push: one that its sender gave up is never delivered", "[T-05]") {
  auto sender = start();
  auto receiver = start();
  const auto content = noise(100'000, 1);
  CHECK(failure(
            sender.push(receiver.ticket(), "t", TensorView::bytes(content), {.deadline = std::chrono::milliseconds(30)})
                .wait()) == ErrorClass::kDeadlineExceeded);
  { auto dropped = sender.push(receiver.ticket(), "t", TensorView::bytes(content)); }
  need(sender.ping(receiver.ticket()).wait());
  CHECK_FALSE(receiver.try_receive().has_value());
  need(sender.ping(receiver.ticket()).wait());
  CHECK_FALSE(receiver.try_receive().has_value());
  CHECK(receiver.stats().inbox == 0);
}

TEST_CASE("on_offer: chooses where a push lands, and refuses others before a byte of them", "[T-15][T-19][T-W6]") {
  auto sender = start();
  auto receiver = start();
  for (const std::size_t bytes : {std::size_t{1000}, std::size_t{2'000'000}}) {
    CAPTURE(bytes);
    std::vector<std::uint8_t> memory(bytes + 64, 0xEE);
    std::vector<std::string> offered;
    const auto handler = need(receiver.on_offer("w.*", [&](const Offer& offer) -> Result<MutableTensorView> {
      offered.push_back(offer.name);
      if (offer.name == "w.no") return fail(ErrorClass::kForbidden, "on_offer", "not this one");
      CHECK(offer.from == sender.id());
      CHECK(offer.bytes == bytes);
      return MutableTensorView::of<std::uint8_t>(std::span(memory).first(bytes), {static_cast<std::int64_t>(bytes)});
    }));
    const auto content = noise(bytes, 1);
    need(sender.push(receiver.ticket(), "w.yes", TensorView::bytes(content)).wait());
    CHECK(std::memcmp(memory.data(), content.data(), bytes) == 0);
    CHECK(memory[bytes] == 0xEE);
    const Tensor got = need(receiver.receive("w.*").wait());
    CHECK(static_cast<const void*>(got.bytes().data()) == memory.data());
    const auto refused = sender.push(receiver.ticket(), "w.no", TensorView::bytes(content)).wait();
    CHECK(failure(refused) == ErrorClass::kForbidden);
    CHECK(offered == std::vector<std::string>{"w.yes", "w.no"});
  }
}

TEST_CASE("on_offer: a destination that is too small refuses the push, and says why") {
  auto sender = start();
  auto receiver = start();
  std::vector<std::uint8_t> memory(10);
  const auto handler = need(receiver.on_offer("*", [&](const Offer&) -> Result<MutableTensorView> {
    return MutableTensorView::of<std::uint8_t>(memory, {10});
  }));
  const auto content = noise(11, 1);
  CHECK(failure(sender.push(receiver.ticket(), "t", TensorView::bytes(content)).wait()) ==
        ErrorClass::kInvalidArgument);
}

TEST_CASE("receive: ends with its deadline or its future, and what comes later is for the next", "[T-12]") {
  auto sender = start();
  auto receiver = start();
  CHECK(failure(receiver.receive("*", {.deadline = std::chrono::milliseconds(20)}).wait()) ==
        ErrorClass::kDeadlineExceeded);
  {
    auto dropped = receiver.receive();
    CHECK_FALSE(dropped.wait_for(std::chrono::milliseconds(1)).has_value());
  }
  const auto content = noise(10, 1);
  auto push = sender.push(receiver.ticket(), "t", TensorView::bytes(content));
  need(sender.ping(receiver.ticket()).wait());
  CHECK_FALSE(push.ready());  // nobody receives it any more: held
  CHECK(same_bytes(need(receiver.receive().wait()), content));
  need(push.wait());
}

TEST_CASE("push: eight at a time go on independently, from many threads", "[T-10][T-31][T-W10]") {
  auto receiver = start();
  std::vector<TensorNode> senders;
  for (int i = 0; i < 2; ++i) senders.push_back(start());
  constexpr int kThreads = 8, kEach = 40;
  std::atomic<int> failed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::size_t bytes = i % 4 == 0 ? 300'000 : 100;
        const int number = t * kEach + i;
        const auto content = noise(bytes, static_cast<std::uint64_t>(number));
        const auto name = std::to_string(number);
        if (!senders[static_cast<std::size_t>(t % 2)].push(receiver.ticket(), name, TensorView::bytes(content)).wait())
          ++failed;
      }
    });
  std::map<std::string, int> seen;
  std::size_t wrong = 0;
  for (int n = 0; n < kThreads * kEach; ++n) {
    const Tensor got = need(receiver.receive().wait());
    ++seen[std::string(got.name())];
    wrong += !same_bytes(got, noise(got.bytes().size(), std::stoul(std::string(got.name()))));
  }
  for (auto& thread : threads) thread.join();
  CHECK(seen.size() == kThreads * kEach);
  CHECK(wrong == 0);
  CHECK(failed == 0);
}
