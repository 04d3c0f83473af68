// Whatever text stands for a slice: it is refused, or it reads back from its own text and stays inside any tensor.
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>

#include <weft/tensor/selection.hpp>
#include <weft/tensor/slice.hpp>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_inside(const weft::TensorMeta& meta, const weft::Slice& slice) {
  const auto selection = weft::Selection::make(meta, slice);
  if (!selection) return;
  const auto extent = meta.extent_bytes();
  require(extent.has_value() && selection->source_extent() <= *extent);
  std::uint64_t runs = 0, bytes = 0;
  selection->for_each(0, selection->bytes(), [&](std::uint64_t from, std::uint64_t to, std::uint64_t length) {
    require(to == bytes && length > 0 && from + length <= selection->source_extent());
    bytes += length;
    return ++runs < 1000;
  });
  require(runs == 1000 || (bytes == selection->bytes() && runs == selection->run_count()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto slice = weft::Slice::parse({reinterpret_cast<const char*>(data), size});
  if (!slice) return 0;
  const auto again = weft::Slice::parse(slice->to_string());
  require(again.has_value() && *again == *slice);
  constexpr std::int64_t kLong = std::int64_t{1} << 40;
  using weft::DType;
  check_inside({.dtype = DType::kF32, .shape = {5, 7, 3}}, *slice);
  check_inside({.dtype = DType::kF16, .shape = {5, 7, 3}, .strides = {40, 1, 9}}, *slice);
  check_inside({.dtype = DType::kI4, .shape = {4, 6, 10}}, *slice);
  check_inside({.dtype = DType::kU8, .shape = {kLong, 2}}, *slice);
  check_inside({.dtype = DType::kU8, .shape = {kLong, 2, 0}}, *slice);
  check_inside({.dtype = DType::kC128, .shape = {}}, *slice);
  static_cast<void>(slice->resolve(weft::Shape{std::numeric_limits<std::int64_t>::max(), 0}));
  return 0;
}
