#include <numeric>

#include <tests/nodes/nodes.hpp>

using namespace weft;
using namespace weft::test;

namespace {

/// numpy's meaning of a slice over a dense int32 tensor, by plain loops: what the server must gather.
std::vector<std::int32_t> reference(const std::vector<std::int32_t>& from, const std::vector<std::int64_t>& shape,
                                    const std::vector<Slice::Axis>& axes) {
  std::vector<std::int32_t> out;
  std::vector<std::int64_t> at(shape.size(), 0);
  for (const auto& axis : axes)
    if (axis.count == 0) return out;
  while (true) {
    std::int64_t index = 0;
    for (std::size_t i = 0; i < shape.size(); ++i) index = index * shape[i] + axes[i].start + at[i] * axes[i].step;
    out.push_back(from[static_cast<std::size_t>(index)]);
    std::size_t i = shape.size();
    while (i > 0 && ++at[i - 1] == axes[i - 1].count) at[--i] = 0;
    if (i == 0) return out;
  }
}

}  // namespace

TEST_CASE("node: a tensor of every dtype arrives as it was put", "[T-04][T-07][T-W9]") {
  auto server = start();
  auto client = start();
  const Ticket ticket = server.ticket();
  for (std::uint8_t code = 0; code < kDTypes; ++code) {
    const auto dtype = static_cast<DType>(code);
    if (dtype == DType::kOpaque) continue;
    for (const Shape& shape : {Shape{3, 6}, Shape{}, Shape{0, 5}, Shape{33, 1000}}) {
      CAPTURE(to_string(dtype), shape.to_string());
      const Tensor put = tensor(dtype, shape, code + 7u);
      need(server.put("t", put.share()));
      const Tensor got = need(client.get(ticket, "t").wait());
      CHECK(got.meta().dtype == dtype);
      CHECK(got.meta().shape == shape);
      CHECK(same_bytes(got, {put.bytes().begin(), put.bytes().end()}));
      CHECK(got.from() == server.id());
    }
  }
}

TEST_CASE("node: opaque bytes keep their type name, whatever their shape says", "[T-04][X-1]") {
  auto server = start();
  auto client = start();
  const auto bytes = noise(17, 3);
  const TensorMeta meta{.dtype = DType::kOpaque, .shape = {2, 3}, .opaque_type = "my.codec/1", .opaque_bytes = 17};
  need(server.put("blob", need(TensorView::make(meta, bytes.data())), nullptr));
  const Tensor got = need(client.get(server.ticket(), "blob").wait());
  CHECK(got.meta().opaque_type == "my.codec/1");
  CHECK(same_bytes(got, bytes));
}

TEST_CASE("node: attributes travel with a tensor, and with every part of it", "[T-04][T-07]") {
  auto server = start();
  auto client = start();
  const Attributes said{{"empty", ""}, {"layout", "channels last"}, {"units", "µV"}};
  const auto bytes = noise(600'000, 3);
  for (const std::int64_t rows : {4, 6000}) {  // in the answer, and in pieces
    CAPTURE(rows);
    const TensorMeta meta{.dtype = DType::kU8, .shape = {rows, 100}, .attributes = said};
    const TensorView view = need(TensorView::make(meta, bytes.data()));
    need(server.put("t", view, nullptr));
    need(server.put("plain", TensorView::bytes(std::span(bytes).first(10)), nullptr));
    for (TensorNode* asking : {&client, &server}) {  // the server itself: without a wire
      CHECK(need(asking->get(server.ticket(), "t").wait()).meta().attributes == said);
      const Tensor some = need(asking->get(server.ticket(), "t", {.slice = {{1, 3}}}).wait());
      CHECK(some.meta().shape == Shape{2, 100});
      CHECK(some.meta().attributes == said);
      auto both = need(asking->get_many(server.ticket(), {{.name = "plain"}, {.name = "t"}}).wait());
      CHECK(need(std::move(both[0])).meta().attributes.empty());
      CHECK(need(std::move(both[1])).meta().attributes == said);
      const auto entries = need(asking->list(server.ticket()).wait());
      REQUIRE(entries.size() == 2);
      CHECK(entries[0].meta.attributes.empty());
      CHECK(entries[1].meta.attributes == said);

      Attributes offered;
      std::vector<std::uint8_t> memory(view.byte_size());
      const Handler handler = need(server.on_offer("chosen", [&](const Offer& offer) -> Result<MutableTensorView> {
        offered = offer.meta.attributes;
        return MutableTensorView::of<std::uint8_t>(memory, {rows, 100});
      }));
      auto chosen = asking->push(server.ticket(), "chosen", view);
      CHECK(need(server.receive("chosen").wait()).meta().attributes == said);
      need(chosen.wait());
      CHECK(offered == said);
      auto held = asking->push(server.ticket(), "inbox", view);
      CHECK(need(server.receive("inbox").wait()).meta().attributes == said);
      need(held.wait());
    }
  }
}

TEST_CASE("node: a listing comes whole, however much its attributes say") {
  auto server = start();
  auto client = start();
  const std::vector<std::byte> byte(1);
  constexpr std::size_t kMany = 4100;  // of 4 KiB each: several pages, each within a message
  for (std::size_t i = 0; i < kMany; ++i) {
    const TensorMeta meta{.shape = {1}, .attributes = {{"i", std::to_string(i)}, {"text", std::string(4000, 't')}}};
    need(server.put("t" + std::to_string(10000 + i), need(TensorView::make(meta, byte.data())), nullptr));
  }
  const auto entries = need(client.list(server.ticket()).wait());
  REQUIRE(entries.size() == kMany);
  for (std::size_t i = 0; i < kMany; ++i) CHECK(entries[i].meta.attributes.at("i") == std::to_string(i));
}

TEST_CASE("node: attributes that are too many to travel are refused at once") {
  const std::vector<std::byte> byte(1);
  const TensorMeta meta{.shape = {1}, .attributes = {{"text", std::string(kMaxAttributesBytes, 't')}}};
  CHECK(failure(TensorView::make(meta, byte.data())) == ErrorClass::kInvalidArgument);
}

TEST_CASE("node: a shape that its bytes do not fill is refused, opaque bytes are not", "[T-04]") {
  auto node = start();
  const std::vector<float> values(5);
  CHECK(failure(node.put("t", TensorView::of<float>(values, {2, 3}), nullptr)) == ErrorClass::kInvalidArgument);
  CHECK(node.put("t", TensorView::bytes(std::as_bytes(std::span(values))), nullptr).has_value());
}

TEST_CASE("node: the typed view of a tensor is only of its own type", "[T-04]") {
  auto server = start();
  auto client = start();
  std::vector<float> values(1000);
  std::iota(values.begin(), values.end(), 0.0f);
  need(server.put("t", TensorView::of<float>(values, {10, 100}), nullptr));
  const Tensor got = need(client.get(server.ticket(), "t").wait());
  CHECK(need(got.as<float>())[999] == 999.0f);
  CHECK(failure(got.as<double>()) == ErrorClass::kInvalidArgument);
}

TEST_CASE("node: a strided view is gathered by the server", "[T-07]") {
  auto server = start();
  auto client = start();
  for (const std::int64_t rows : {7, 2000}) {
    std::vector<std::int32_t> values(static_cast<std::size_t>(rows * 96));
    std::iota(values.begin(), values.end(), 0);
    // Every second column of the transposed matrix.
    const TensorMeta meta{.dtype = DType::kI32, .shape = {48, rows}, .strides = {2, 96}};
    need(server.put("t", need(TensorView::make(meta, values.data())), nullptr));
    const Tensor got = need(client.get(server.ticket(), "t").wait());
    REQUIRE(got.meta().shape == Shape{48, rows});
    const auto out = need(got.as<std::int32_t>());
    std::size_t wrong = 0;
    for (std::int64_t c = 0; c < 48; ++c)
      for (std::int64_t r = 0; r < rows; ++r) wrong += out[static_cast<std::size_t>(c * rows + r)] != r * 96 + 2 * c;
    CHECK(wrong == 0);
  }
}

TEST_CASE("node: slices mean what numpy's mean", "[T-07][T-F2]") {
  auto server = start();
  auto client = start();
  const std::vector<std::int64_t> shape{40, 30, 50};
  std::vector<std::int32_t> values(40 * 30 * 50);
  std::iota(values.begin(), values.end(), 0);
  need(server.put("t", TensorView::of<std::int32_t>(values, {40, 30, 50}), nullptr));
  for (const char* text : {"0:1", ":, 3:4", "5:35:3, ::2, 10:-1", "-3, -2:, ::49", "39:40, 29:30, 49:50", "::7, :, 1:3",
                           "10:10", ":, :, 20:20", "0:1000, -1000:1000"}) {
    CAPTURE(text);
    const Slice slice = need(Slice::parse(text));
    const auto axes = need(slice.resolve({40, 30, 50}));
    const Tensor got = need(client.get(server.ticket(), "t", {.slice = slice}).wait());
    const auto expected = reference(values, shape, axes);
    const auto out = need(got.as<std::int32_t>());
    CHECK(got.meta().shape == Shape{axes[0].count, axes[1].count, axes[2].count});
    CHECK(std::equal(out.begin(), out.end(), expected.begin(), expected.end()));
  }
}

TEST_CASE("node: a slice that cannot be is refused by its caller's own mistake", "[T-07]") {
  auto server = start();
  auto client = start();
  need(server.put("t", tensor(DType::kI4, {8, 6}, 1)));
  CHECK(failure(client.get(server.ticket(), "t", {.slice = {{0, 1}, {0, 2}, {0, 1}}}).wait()) ==
        ErrorClass::kInvalidArgument);
  CHECK(failure(client.get(server.ticket(), "t", {.slice = {{0, 1, 0}}}).wait()) == ErrorClass::kInvalidArgument);
  CHECK(failure(client.get(server.ticket(), "t", {.slice = {all, {1, 3}}}).wait()) == ErrorClass::kInvalidArgument);
  const Tensor even = need(client.get(server.ticket(), "t", {.slice = {{2, 4}, {2, 6}}}).wait());
  CHECK(even.bytes().size() == 4);
}
