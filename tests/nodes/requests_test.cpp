#include <algorithm>
#include <numeric>

#include <tests/nodes/nodes.hpp>

using namespace weft;
using namespace weft::test;

namespace {

/// A server of one small cache, and a client that has met it: what would end the session is seen in `dials`.
struct Pair {
  TensorNode server = start();
  TensorNode client = start();
  Ticket ticket = server.ticket();

  Pair() {
    need(server.put("kv", tensor(DType::kU8, {10, 16}, 1)));
    need(client.get(ticket, "kv").wait());
  }
  template <class T>
  void refused(Future<T> call) {
    const auto result = call.wait();
    REQUIRE(failure(result) == ErrorClass::kInvalidArgument);
    CHECK_FALSE(result.error().hint().empty());
  }
  /// Nothing that was refused has cost the session.
  void check_session() {
    need(client.get(ticket, "kv").wait());
    CHECK(client.stats().dials == 1);
  }
};

}  // namespace

TEST_CASE("requests: what a peer would end the session for is refused before it is sent", "[T-07]") {
  Pair pair;
  auto& client = pair.client;
  const std::vector<std::uint32_t> one{1}, many((1u << 20) + 1, 0u);
  const std::vector<Range> ranges(33);
  const std::string long_text(256, 'x');
  pair.refused(client.get(pair.ticket, "kv", {.slice = Slice::of(ranges)}));
  pair.refused(client.get(pair.ticket, "kv", {.pages = {.source = many}}));
  pair.refused(client.get(pair.ticket, "kv", {.pages = {.axis = 32, .source = one}}));
  pair.refused(client.get(pair.ticket, "kv", {.pages = {.axis = -1, .source = one}}));
  pair.refused(client.get(pair.ticket, "kv", {.trace = {.traceparent = long_text}}));
  pair.refused(client.get_many(pair.ticket, {{.name = "kv"}}, {.trace = {.traceparent = "\xff"}}));
  pair.refused(client.list(pair.ticket, long_text));
  pair.refused(client.list(pair.ticket, "\xff"));
  pair.refused(client.list(pair.ticket, std::string("a\0b", 3)));
  pair.refused(client.explain(pair.ticket, long_text));
  const std::vector<std::uint8_t> byte(1);
  pair.refused(
      client.push(pair.ticket, "t", TensorView::of<std::uint8_t>(byte, {1}), {.trace = {.traceparent = long_text}}));
  pair.check_session();
}

TEST_CASE("pages: a negative axis counts from the last one of `into`", "[T-07]") {
  Pair pair;
  const auto whole = need(pair.client.get(pair.ticket, "kv").wait());
  const std::vector<std::uint32_t> source{3, 0}, target{1, 2};
  std::vector<std::uint8_t> memory(160, 0xEE);
  const auto into = MutableTensorView::of<std::uint8_t>(memory, {10, 16});
  need(pair.client.get(pair.ticket, "kv", {.pages = {.axis = -1, .source = source, .target = target}, .into = into})
           .wait());
  const auto content = need(whole.as<std::uint8_t>());
  std::size_t wrong = 0;
  for (std::size_t row = 0; row < 10; ++row)
    for (std::size_t column = 0; column < 16; ++column) {
      const auto expected = column == 1 ? content[row * 16 + 3] : column == 2 ? content[row * 16] : std::uint8_t{0xEE};
      wrong += memory[row * 16 + column] != expected;
    }
  CHECK(wrong == 0);
  pair.refused(
      pair.client.get(pair.ticket, "kv", {.pages = {.axis = -3, .source = source, .target = target}, .into = into}));
  pair.check_session();
}

TEST_CASE("pages: none asked for is none moved", "[T-07]") {
  Pair pair;
  const std::vector<std::uint32_t> none, one{1};
  std::vector<std::uint8_t> memory(160, 0xEE);
  const auto into = MutableTensorView::of<std::uint8_t>(memory, {10, 16});
  const auto before = pair.client.stats().bytes_in;
  const auto empty = need(pair.client.get(pair.ticket, "kv", {.pages = {.source = none}}).wait());
  CHECK(empty.meta().shape == Shape{0, 16});
  CHECK(empty.bytes().empty());
  need(pair.client.get(pair.ticket, "kv", {.pages = {.source = none, .target = none}, .into = into}).wait());
  auto batch = need(pair.client.get_many(pair.ticket, {{.name = "kv"}}, {.pages = {.source = none}}).wait());
  CHECK(need(std::move(batch.front())).bytes().empty());
  CHECK(pair.client.stats().bytes_in == before);
  CHECK(std::all_of(memory.begin(), memory.end(), [](std::uint8_t byte) { return byte == 0xEE; }));
  // A target is a place in `into`.
  pair.refused(pair.client.get(pair.ticket, "kv", {.pages = {.source = one, .target = one}}));
  pair.refused(pair.client.get(pair.ticket, "kv", {.pages = {.source = none, .target = one}, .into = into}));
  pair.refused(pair.client.get(pair.ticket, "kv", {.pages = {.target = one}, .into = into}));
  pair.check_session();
}

TEST_CASE("into: the tensor says what came, however large the memory", "[T-04][T-07]") {
  auto server = start();
  auto client = start();
  std::vector<float> values(30);
  std::iota(values.begin(), values.end(), 0.0f);
  need(server.put("t", TensorView::of<float>(values, {5, 6}), nullptr));
  alignas(float) std::array<std::byte, 1000> room{};
  for (const Ticket& ticket : {server.ticket(), client.ticket()}) {
    if (ticket.node == client.id()) need(client.put("t", TensorView::of<float>(values, {5, 6}), nullptr));
    const Tensor got = need(client.get(ticket, "t", {.into = MutableTensorView::bytes(room)}).wait());
    CHECK(got.meta().dtype == DType::kF32);
    CHECK(got.meta().shape == Shape{5, 6});
    CHECK(got.bytes().size() == 120);
    CHECK(need(got.as<float>())[29] == 29.0f);

    std::vector<float> memory(5 * 9, -1.0f);
    const TensorMeta strided{.dtype = DType::kF32, .shape = {5, 6}, .strides = {9, 1}};
    const Tensor scattered =
        need(client.get(ticket, "t", {.into = need(MutableTensorView::make(strided, memory.data()))}).wait());
    CHECK(failure(scattered.as<float>()) == ErrorClass::kInvalidArgument);
    CHECK(scattered.bytes().empty());
    CHECK(scattered.view().data() == memory.data());
    CHECK(scattered.meta().strides == Strides{9, 1});
    CHECK(memory[9] == 6.0f);
  }
}

TEST_CASE("into: what came into the caller's memory is not put again as if it were owned", "[T-04]") {
  auto server = start();
  auto client = start();
  need(server.put("t", tensor(DType::kU8, {64}, 1)));
  std::vector<std::uint8_t> memory(64);
  Tensor borrowed =
      need(client.get(server.ticket(), "t", {.into = MutableTensorView::of<std::uint8_t>(memory, {64})}).wait());
  const auto refused = client.put("again", std::move(borrowed));
  CHECK(failure(refused) == ErrorClass::kInvalidArgument);
  CHECK(refused.error().hint().find("lend") != std::string_view::npos);
  CHECK(client.put("again", need(client.get(server.ticket(), "t").wait())).has_value());
}

TEST_CASE("get_many: an item that is wrong fails alone, in its place", "[T-07]") {
  auto server = start();
  auto client = start();
  for (const char* name : {"a", "b", "c", "d"}) need(server.put(name, tensor(DType::kU8, {64}, 1)));
  std::vector<std::uint8_t> whole(64), half(32, 0xEE);
  const std::vector<Range> ranges(33);
  for (const Ticket& ticket : {server.ticket(), client.ticket()}) {
    if (ticket.node == client.id())
      for (const char* name : {"a", "b", "c", "d"}) need(client.put(name, tensor(DType::kU8, {64}, 1)));
    std::vector<GetItem> items{
        {.name = "a"},
        {.name = ""},
        {.name = "b", .into = MutableTensorView::of<std::uint8_t>(whole, {65})},  // no such memory
        {.name = "c", .into = MutableTensorView::of<std::uint8_t>(half, {32})},   // not what is served
        {.name = "d", .slice = Slice::of(ranges)},
        {.name = "nothing"},
        {.name = "d", .into = MutableTensorView::of<std::uint8_t>(whole, {64})},
    };
    auto got = need(client.get_many(ticket, std::move(items)).wait());
    REQUIRE(got.size() == 7);
    for (const std::size_t wrong : {1u, 2u, 3u, 4u}) {
      CAPTURE(wrong);
      CHECK(failure(got[wrong]) == ErrorClass::kInvalidArgument);
    }
    CHECK(failure(got[5]) == ErrorClass::kNotFound);
    CHECK(got[3].error().context().name == "c");
    CHECK(need(std::move(got[0])).bytes().size() == 64);
    CHECK(static_cast<const void*>(need(std::move(got[6])).bytes().data()) == whole.data());
    CHECK(std::count(half.begin(), half.end(), 0xEE) == 32);

    // Where nothing is left to ask for, and where nothing of what came is wanted.
    auto none = need(client.get_many(ticket, {{.name = ""}, {.name = std::string(256, 'x')}}).wait());
    REQUIRE(none.size() == 2);
    CHECK(failure(none[1]) == ErrorClass::kInvalidArgument);
    std::vector<GetItem> misfit;
    misfit.push_back({.name = "c", .into = MutableTensorView::of<std::uint8_t>(half, {32})});
    auto alone = need(client.get_many(ticket, std::move(misfit)).wait());
    REQUIRE(alone.size() == 1);
    CHECK(failure(alone[0]) == ErrorClass::kInvalidArgument);
  }
  CHECK(client.stats().dials == 1);
}
