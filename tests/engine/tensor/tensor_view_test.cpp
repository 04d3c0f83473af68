#include <catch2/catch_test_macros.hpp>
#include <complex>
#include <cstdint>
#include <vector>

#include <weft/tensor/tensor_view.hpp>

using namespace weft;

static_assert(dtype_of<bool>() == DType::kBool);
static_assert(dtype_of<std::int8_t>() == DType::kI8);
static_assert(dtype_of<unsigned char>() == DType::kU8);
static_assert(dtype_of<std::int16_t>() == DType::kI16);
static_assert(dtype_of<std::uint32_t>() == DType::kU32);
static_assert(dtype_of<long long>() == DType::kI64);
static_assert(dtype_of<std::uint64_t>() == DType::kU64);
static_assert(dtype_of<double>() == DType::kF64);
static_assert(dtype_of<std::complex<float>>() == DType::kC64);
static_assert(!Element<char> && !Element<long double> && !Element<const float>);

TEST_CASE("view: of typed memory it knows dtype, shape and place", "[tensor]") {
  std::vector<float> memory(6);
  const TensorView view = TensorView::of<float>(memory, {2, 3});
  CHECK(view.given());
  CHECK(view.check());
  CHECK(view.meta().dtype == DType::kF32);
  CHECK(view.meta().shape == Shape{2, 3});
  CHECK(view.data() == memory.data());
  CHECK(view.byte_size() == 24);
  CHECK(view.device() == Device{});
  const TensorView read = MutableTensorView::of<float>(memory, {6});
  CHECK(read.data() == memory.data());
}

TEST_CASE("view: a shape that is not the memory's makes it invalid, and it says why", "[tensor][T4]") {
  const std::vector<std::int32_t> memory(6);
  for (const Shape& shape : {Shape{7}, Shape{2, 2}, Shape{}, Shape{-6}, Shape{std::int64_t{1} << 62, 8}}) {
    const TensorView view = TensorView::of<std::int32_t>(memory, shape);
    INFO(shape.to_string());
    REQUIRE(view.error());
    CHECK(view.given());
    CHECK(view.error()->kind() == ErrorClass::kInvalidArgument);
    CHECK_FALSE(view.check());
    CHECK(view.data() == nullptr);
    CHECK(view.byte_size() == 0);
  }
  CHECK_FALSE(TensorView{}.given());
  CHECK_FALSE(TensorView{}.error());
  CHECK_FALSE(TensorView{}.check());
}

TEST_CASE("view: bytes are opaque and may be none", "[tensor][X-1]") {
  std::vector<std::byte> memory(17);
  CHECK(TensorView::bytes(memory).meta().dtype == DType::kOpaque);
  CHECK(TensorView::bytes(memory).meta().shape == Shape{17});
  CHECK(MutableTensorView::bytes(memory).data() == memory.data());
  CHECK(TensorView::bytes({}).check());
  CHECK(TensorView::bytes({}).byte_size() == 0);
}

TEST_CASE("view: one made from a meta has been checked", "[tensor]") {
  std::vector<std::byte> memory(64);
  const TensorMeta strided{.dtype = DType::kF32, .shape = {2, 3}, .strides = {8, 1}};
  const auto view = TensorView::make(strided, memory.data(), Device::cuda(1));
  REQUIRE(view);
  CHECK(view->byte_size() == 24);
  CHECK(view->extent_bytes() == 44);
  CHECK(view->device().to_string() == "cuda:1");
  CHECK_FALSE(TensorView::make(strided, nullptr));
  CHECK(TensorView::make({.dtype = DType::kF32, .shape = {0}}, nullptr));
  CHECK_FALSE(TensorView::make({.dtype = DType::kF32, .shape = {-1}}, memory.data()));
  CHECK_FALSE(TensorView::make(strided, memory.data(), Device{.kind = DeviceKind::kCuda, .id = -1}));
}

TEST_CASE("view: a destination whose elements share memory is refused, a source may be such", "[tensor]") {
  std::vector<std::byte> memory(4096);
  const auto make = [&](Shape shape, Strides strides) {
    const TensorMeta meta{.dtype = DType::kF32, .shape = std::move(shape), .strides = std::move(strides)};
    CHECK(TensorView::make(meta, memory.data()));
    return MutableTensorView::make(meta, memory.data()).has_value();
  };
  CHECK(make({4, 3}, {3, 1}));
  CHECK(make({3, 4}, {1, 3}));
  CHECK(make({4, 3}, {5, 1}));
  CHECK(make({1, 3}, {0, 1}));
  CHECK_FALSE(make({4, 3}, {0, 1}));
  CHECK_FALSE(make({4, 3}, {2, 1}));
  CHECK_FALSE(make({2, 2}, {1, 1}));
}
