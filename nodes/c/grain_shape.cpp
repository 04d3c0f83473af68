#include <weft/nodes/c/grain_shape.hpp>

#include <numeric>

#include <fmt/format.h>

namespace weft::c {

Outcome<GrainShape> GrainShape::of(const Regions& regions, std::optional<std::uint64_t> slices) {
  WEFT_C_LET(const std::size_t size, regions.equal_size());
  GrainShape shape;
  shape.grain_bytes = size;
  if (regions.flow() == nullptr) {
    const std::uint64_t wanted = slices.value_or(1);
    if (size % wanted != 0)
      return bad_argument(fmt::format("{} slices do not divide buffers of {} bytes", wanted, size));
    shape.slices = static_cast<std::uint32_t>(wanted);
    shape.unit_bytes = size / wanted;
    return shape;
  }
  const FlowShape& flow = regions.flow()->layout().shape();
  if (slices && *slices != flow.slices)
    return bad_argument(fmt::format("the option slices is {}, and the flow has {}", *slices, flow.slices));
  const std::uint64_t slice_bytes = flow.grain_bytes / flow.slices;
  shape.slices = flow.slices;
  shape.unit_bytes = std::gcd<std::uint64_t>(WEFT_GRAIN_HEADER_BYTES, slice_bytes);
  // Counted in 32 bits by the engine: an odd payload of 4 GiB in one slice would have too many.
  if (size / shape.unit_bytes > UINT32_MAX)
    return bad_argument("slices of that many bytes cannot be counted", "let 64 divide the bytes of a slice");
  shape.header_units = static_cast<std::uint32_t>(WEFT_GRAIN_HEADER_BYTES / shape.unit_bytes);
  shape.units_per_slice = static_cast<std::uint32_t>(slice_bytes / shape.unit_bytes);
  return shape;
}

Outcome<GrainShape::Units> GrainShape::units_of(std::uint32_t from, std::uint32_t to) const {
  if (from > to || to > slices)
    return bad_argument(fmt::format("slices {} to {}, and a grain has {}", from, to, slices));
  return Units{.first = from == 0 ? 0 : header_units + from * units_per_slice,
               .last = to == 0 ? 0 : header_units + to * units_per_slice};
}

}  // namespace weft::c
