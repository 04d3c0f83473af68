#include <algorithm>
#include <numeric>
#include <random>

#include <tests/nodes/nodes.hpp>

using namespace weft;
using namespace weft::test;

TEST_CASE("into: a pull lands in the caller's own memory, and nowhere beside it", "[T-07][T-29]") {
  auto server = start();
  auto client = start();
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{4096}, std::size_t{1 << 20}, std::size_t{9'000'001}}) {
    CAPTURE(bytes);
    const auto content = noise(bytes, bytes);
    need(
        server.put("t",
                   TensorView::of<std::uint8_t>(std::span(reinterpret_cast<const std::uint8_t*>(content.data()), bytes),
                                                {static_cast<std::int64_t>(bytes)}),
                   nullptr));
    std::vector<std::uint8_t> memory(bytes + 128, 0xEE);
    const auto into =
        MutableTensorView::of<std::uint8_t>(std::span(memory).subspan(64, bytes), {static_cast<std::int64_t>(bytes)});
    const Tensor got = need(client.get(server.ticket(), "t", {.into = into}).wait());
    CHECK(static_cast<const void*>(got.bytes().data()) == memory.data() + 64);
    CHECK(std::memcmp(memory.data() + 64, content.data(), bytes) == 0);
    const auto untouched = [](std::uint8_t byte) { return byte == 0xEE; };
    CHECK(std::all_of(memory.begin(), memory.begin() + 64, untouched));
    CHECK(std::all_of(memory.end() - 64, memory.end(), untouched));
  }
}

TEST_CASE("into: a strided destination is scattered to, its gaps stay", "[T-07]") {
  auto server = start();
  auto client = start();
  for (const std::int64_t columns : {3, 5000}) {
    std::vector<float> values(static_cast<std::size_t>(64 * columns));
    std::iota(values.begin(), values.end(), 1.0f);
    need(server.put("t", TensorView::of<float>(values, {64, columns}), nullptr));
    std::vector<float> memory(static_cast<std::size_t>(64 * (columns + 7)), -1.0f);
    const TensorMeta meta{.dtype = DType::kF32, .shape = {64, columns}, .strides = {columns + 7, 1}};
    need(client.get(server.ticket(), "t", {.into = need(MutableTensorView::make(meta, memory.data()))}).wait());
    std::size_t wrong = 0;
    for (std::int64_t r = 0; r < 64; ++r)
      for (std::int64_t c = 0; c < columns + 7; ++c) {
        const float expected = c < columns ? values[static_cast<std::size_t>(r * columns + c)] : -1.0f;
        wrong += memory[static_cast<std::size_t>(r * (columns + 7) + c)] != expected;
      }
    CHECK(wrong == 0);
  }
}

TEST_CASE("into: a destination of another type or shape is refused and not written", "[T-04]") {
  auto server = start();
  auto client = start();
  need(server.put("t", tensor(DType::kF32, {100, 100}, 1)));
  std::vector<float> memory(10'000, -1.0f);
  const auto get = [&](MutableTensorView into) {
    return client.get(server.ticket(), "t", {.into = std::move(into)}).wait();
  };
  CHECK(failure(get(MutableTensorView::of<float>(std::span(memory).first(9900), {99, 100}))) ==
        ErrorClass::kInvalidArgument);
  CHECK(failure(get(MutableTensorView::of<float>(memory, {10'000}))) == ErrorClass::kInvalidArgument);
  std::vector<std::int32_t> other(10'000, -1);
  const auto refused = get(MutableTensorView::of<std::int32_t>(other, {100, 100}));
  CHECK(failure(refused) == ErrorClass::kInvalidArgument);
  CHECK(refused.error().message().find("float32") != std::string_view::npos);
  CHECK(std::count(memory.begin(), memory.end(), -1.0f) == 10'000);
  CHECK(std::count(other.begin(), other.end(), -1) == 10'000);
}

TEST_CASE("pages: a thousand blocks of 16 KiB land where they are told, in one request", "[T-07][T-F5]") {
  constexpr std::size_t kPage = 16 * 1024;
  constexpr std::uint32_t kServed = 1500, kHeld = 1200, kMoved = 1000;
  auto server = start();
  auto client = start();
  const auto content = noise(kServed * kPage, 5);
  const auto cache = std::span(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
  need(server.put("kv", TensorView::of<std::uint8_t>(cache, {kServed, kPage}), nullptr));

  std::mt19937 random(11);
  std::vector<std::uint32_t> source(kServed), target(kHeld);
  std::iota(source.begin(), source.end(), 0u);
  std::iota(target.begin(), target.end(), 0u);
  std::shuffle(source.begin(), source.end(), random);
  std::shuffle(target.begin(), target.end(), random);
  source.resize(kMoved);
  target.resize(kMoved);

  std::vector<std::uint8_t> memory(kHeld * kPage, 0xEE);
  const auto into = MutableTensorView::of<std::uint8_t>(memory, {kHeld, kPage});
  need(client.get(server.ticket(), "kv", {.pages = {.source = source, .target = target}, .into = into}).wait());
  std::vector<bool> written(kHeld, false);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < kMoved; ++i) {
    written[target[i]] = true;
    wrong += std::memcmp(memory.data() + target[i] * kPage, content.data() + source[i] * kPage, kPage) != 0;
  }
  for (std::size_t page = 0; page < kHeld; ++page)
    if (!written[page])
      wrong += !std::all_of(memory.begin() + static_cast<std::ptrdiff_t>(page * kPage),
                            memory.begin() + static_cast<std::ptrdiff_t>((page + 1) * kPage),
                            [](std::uint8_t b) { return b == 0xEE; });
  CHECK(wrong == 0);

  const Tensor dense =
      need(client.get(server.ticket(), "kv", {.pages = {.source = std::span(source).first(3)}}).wait());
  CHECK(dense.meta().shape == Shape{3, kPage});
  CHECK(std::memcmp(dense.bytes().data() + kPage, content.data() + source[1] * kPage, kPage) == 0);
}

TEST_CASE("into: a batch of blocks that fill one stretch lands there, in any order, without a landing",
          "[T-07][T-F5]") {
  constexpr std::size_t kBlock = 16 * 1024, kBlocks = 256;
  auto server = start();
  auto client = start({.limits = {.memory_bytes = kBlock * kBlocks / 4}});  // a landing of them all cannot be had
  const auto content = noise(kBlock * kBlocks, 3);
  for (std::size_t i = 0; i < kBlocks; ++i)
    need(server.put("b" + std::to_string(i), TensorView::bytes(std::span(content).subspan(i * kBlock, kBlock)),
                    nullptr));
  std::vector<std::size_t> order(kBlocks);
  std::iota(order.begin(), order.end(), 0u);
  const auto pull = [&](std::vector<std::byte>& memory, std::size_t apart) {
    std::vector<GetItem> items(kBlocks);
    for (std::size_t i = 0; i < kBlocks; ++i)
      items[i] = {.name = "b" + std::to_string(i),
                  .into = MutableTensorView::bytes(std::span(memory).subspan(64 + order[i] * apart, kBlock))};
    return client.get_many(server.ticket(), std::move(items)).wait();
  };
  for (const bool shuffled : {false, true}) {
    CAPTURE(shuffled);
    if (shuffled) std::shuffle(order.begin(), order.end(), std::mt19937{7});
    std::vector<std::byte> memory(kBlock * kBlocks + 128, std::byte{0xEE});
    auto all = need(pull(memory, kBlock));
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < kBlocks; ++i) {
      const std::byte* at = memory.data() + 64 + order[i] * kBlock;
      wrong +=
          need(std::move(all[i])).bytes().data() != at || std::memcmp(at, content.data() + i * kBlock, kBlock) != 0;
    }
    CHECK(wrong == 0);
    const auto untouched = [](std::byte byte) { return byte == std::byte{0xEE}; };
    CHECK(std::all_of(memory.begin(), memory.begin() + 64, untouched));
    CHECK(std::all_of(memory.end() - 64, memory.end(), untouched));
  }
  // What lies between blocks is not the peer's to write.
  std::vector<std::byte> memory((kBlock + 64) * kBlocks + 128);
  CHECK(failure(pull(memory, kBlock + 64)) == ErrorClass::kResourceExhausted);
}

TEST_CASE("pages: an index that is not there, or a count that does not match, is refused") {
  auto server = start();
  auto client = start();
  need(server.put("kv", tensor(DType::kU8, {10, 16}, 1)));
  std::vector<std::uint8_t> memory(160);
  const auto into = MutableTensorView::of<std::uint8_t>(memory, {10, 16});
  const std::vector<std::uint32_t> one{1}, two{1, 2}, beyond{10};
  const auto get = [&](const std::vector<std::uint32_t>& source, const std::vector<std::uint32_t>& target) {
    return client.get(server.ticket(), "kv", {.pages = {.source = source, .target = target}, .into = into}).wait();
  };
  CHECK(failure(get(two, one)) == ErrorClass::kInvalidArgument);
  CHECK(failure(get(beyond, one)) == ErrorClass::kInvalidArgument);
  CHECK(failure(get(one, beyond)) == ErrorClass::kInvalidArgument);
  CHECK(failure(client.get(server.ticket(), "kv", {.slice = {{0, 1}}, .pages = {.source = one}}).wait()) ==
        ErrorClass::kInvalidArgument);
}
