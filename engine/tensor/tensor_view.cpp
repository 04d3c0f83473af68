#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include <weft/tensor/tensor_view.hpp>

namespace weft {
namespace {

std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorClass::kInvalidArgument, "view", std::move(message));
}

// Sorted by stride, each axis must step over all that the axes before it reach. Stricter than necessary for layouts
// that interleave without meeting, which no tensor library makes.
bool overlaps_itself(const TensorMeta& meta) {
  if (meta.strides.empty()) return false;
  std::vector<std::pair<std::int64_t, std::int64_t>> axes;  // stride, extent
  for (std::size_t axis = 0; axis < meta.shape.rank(); ++axis)
    if (meta.shape[axis] > 1) axes.emplace_back(meta.strides[axis], meta.shape[axis]);
  std::ranges::sort(axes);
  std::int64_t reach = 0;
  for (const auto& [stride, extent] : axes) {
    if (stride <= reach) return true;
    reach += stride * (extent - 1);
  }
  return false;
}

}  // namespace

TensorView TensorView::checked(DType dtype, Shape shape, const void* data, std::uint64_t elements) {
  TensorView invalid;
  invalid.given_ = true;
  invalid.meta_ = {.dtype = dtype, .shape = {0}};
  const auto count = shape.element_count();
  if (!count) {
    invalid.error_ = count.error();
    return invalid;
  }
  if (*count != elements) {
    invalid.error_ =
        Error{ErrorClass::kInvalidArgument, "view",
              fmt::format("{} elements were given for the shape {} of {}", elements, shape.to_string(), *count)}
            .with_hint("the shape's product must be the number of elements");
    return invalid;
  }
  auto view = make({.dtype = dtype, .shape = std::move(shape)}, data);
  if (view) return std::move(*view);
  invalid.error_ = view.error();
  return invalid;
}

TensorView TensorView::bytes(std::span<const std::byte> bytes) {
  return checked(DType::kOpaque, Shape{static_cast<std::int64_t>(bytes.size())}, bytes.data(), bytes.size());
}

Result<TensorView> TensorView::make(TensorMeta meta, const void* data, Device device) {
  WEFT_TRY(meta.validate());
  WEFT_LET(const std::uint64_t bytes, meta.byte_size());
  WEFT_LET(const std::uint64_t extent, meta.extent_bytes());
  if (bytes > 0 && data == nullptr) return refuse(fmt::format("no memory for {} bytes", bytes));
  if (device.id < 0 || device.kind > DeviceKind::kCuda)
    return refuse(fmt::format("no device has the number {}", device.id));
  TensorView view;
  view.meta_ = std::move(meta);
  view.data_ = data;
  view.device_ = device;
  view.bytes_ = bytes;
  view.extent_ = extent;
  view.given_ = true;
  return view;
}

Result<void> TensorView::check() const {
  if (error_) return fail(*error_);
  if (!given_) return refuse("no tensor was given");
  return {};
}

MutableTensorView MutableTensorView::bytes(std::span<std::byte> bytes) {
  return MutableTensorView{TensorView::bytes(bytes)};
}

Result<MutableTensorView> MutableTensorView::make(TensorMeta meta, void* data, Device device) {
  WEFT_LET(TensorView view, TensorView::make(std::move(meta), data, device));
  if (view.byte_size() > 0 && overlaps_itself(view.meta()))
    return refuse(fmt::format("strides {} of {} make elements share memory", view.meta().strides.to_string(),
                              view.meta().shape.to_string()));
  return MutableTensorView{std::move(view)};
}

}  // namespace weft
