#include <fmt/format.h>

#include <weft/base/checked.hpp>
#include <weft/base/limits.hpp>
#include <weft/base/text.hpp>
#include <weft/tensor/tensor_meta.hpp>

namespace weft {
namespace {

constexpr const char* kOperation = "tensor";

std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorClass::kInvalidArgument, kOperation, std::move(message));
}

Result<void> check(const Attributes& attributes) {
  if (attributes.size() > kMaxAttributes)
    return refuse(fmt::format("{} attributes, {} may travel with a tensor", attributes.size(), kMaxAttributes));
  std::uint64_t bytes = 0;
  for (const auto& [key, value] : attributes) {
    if (key.empty() || key.size() > kMaxAttributeKeyBytes || !is_clean_utf8(key))
      return refuse(fmt::format("an attribute's key has 1 to {} bytes of UTF-8 without NUL: \"{}\" is none",
                                kMaxAttributeKeyBytes, escaped(std::string_view(key).substr(0, 64))));
    if (!is_clean_utf8(value)) return refuse(fmt::format("attribute \"{}\" is not UTF-8 without NUL", escaped(key)));
    bytes += key.size() + value.size();
  }
  if (bytes > kMaxAttributesBytes)
    return refuse(fmt::format("attributes of {} bytes, {} may travel with a tensor", bytes, kMaxAttributesBytes));
  return {};
}

Result<std::uint64_t> too_large(const TensorMeta& meta) {
  return refuse(fmt::format("{} of {} is more than {}", meta.shape.to_string(), to_string(meta.dtype),
                            human_bytes(kMaxTensorBytes)));
}

Result<std::uint64_t> bytes_of(const TensorMeta& meta, std::uint64_t elements) {
  const auto total_bits = checked_mul<std::uint64_t>(elements, bits(meta.dtype));
  if (!total_bits || *total_bits > kMaxTensorBytes * 8) return too_large(meta);
  return (*total_bits + 7) / 8;
}

}  // namespace

Result<std::uint64_t> TensorMeta::byte_size() const {
  WEFT_LET(const std::uint64_t elements, shape.element_count());
  if (!opaque_bytes || dtype != DType::kOpaque) return bytes_of(*this, elements);
  if (*opaque_bytes > kMaxTensorBytes)
    return refuse(fmt::format("{} opaque bytes are more than {}", *opaque_bytes, human_bytes(kMaxTensorBytes)));
  return *opaque_bytes;
}

Result<std::uint64_t> TensorMeta::extent_bytes() const {
  WEFT_LET(const std::uint64_t dense, byte_size());
  if (strides.empty() && !strides.overlong()) return dense;
  if (strides.rank() != shape.rank())
    return refuse(fmt::format("{} strides for the {} axes of {}", strides.rank(), shape.rank(), shape.to_string()));
  if (opaque_bytes) return refuse("opaque bytes of which the shape says nothing cannot have strides");
  std::uint64_t last = 0;
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (strides[axis] < 0)
      return fail(Error{ErrorClass::kUnsupported, kOperation, fmt::format("negative stride in {}", strides.to_string())}
                      .with_hint("copy the tensor into row-major memory first"));
    if (shape[axis] <= 1) continue;  // nothing moves along it: its stride means nothing
    const auto reach =
        checked_mul(static_cast<std::uint64_t>(shape[axis] - 1), static_cast<std::uint64_t>(strides[axis]));
    const auto sum = reach ? checked_add(last, *reach) : std::nullopt;
    if (!sum) return refuse(fmt::format("strides {} of {} overflow", strides.to_string(), shape.to_string()));
    last = *sum;
  }
  if (dense == 0) return 0;
  if (last >= kMaxTensorBytes * 8)
    return refuse(fmt::format("strides {} reach further than {}", strides.to_string(), human_bytes(kMaxTensorBytes)));
  return bytes_of(*this, last + 1);
}

Result<void> TensorMeta::validate() const {
  if (static_cast<std::uint8_t>(dtype) >= kDTypes)
    return refuse(fmt::format("no dtype has the number {}", static_cast<unsigned>(dtype)));
  if (dtype != DType::kOpaque && (!opaque_type.empty() || opaque_bytes))
    return refuse(fmt::format("an opaque type or byte count for {}", weft::to_string(dtype)));
  if (opaque_type.size() > kMaxOpaqueTypeBytes || !is_clean_utf8(opaque_type))
    return refuse(fmt::format("an opaque type's name is at most {} bytes of UTF-8 without NUL", kMaxOpaqueTypeBytes));
  if (!attributes.empty()) WEFT_TRY(check(attributes));
  WEFT_TRY(extent_bytes());
  return {};
}

Strides row_major(const Shape& shape) {
  Strides strides{shape.values()};
  std::int64_t stride = 1;
  for (std::size_t axis = shape.rank(); axis-- > 0;) {
    strides[axis] = stride;
    if (shape[axis] > 0) stride *= shape[axis];
  }
  return strides;
}

}  // namespace weft
