#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>

#include <weft/base/checked.hpp>
#include <weft/tensor/shape.hpp>

namespace weft {

Result<std::uint64_t> Shape::element_count() const {
  if (overlong()) return fail(ErrorClass::kInvalidArgument, "shape", fmt::format("more than {} axes", kMaxRank));
  std::int64_t product = 1;
  bool empty_axis = false;
  for (std::int64_t extent : values()) {
    if (extent < 0)
      return fail(ErrorClass::kInvalidArgument, "shape", fmt::format("{} has a negative axis", to_string()));
    if (extent == 0) {
      empty_axis = true;
      continue;
    }
    const auto next = checked_mul(product, extent);
    if (!next)
      return fail(ErrorClass::kInvalidArgument, "shape",
                  fmt::format("{} has more elements than 63 bits count", to_string()));
    product = *next;
  }
  return empty_axis ? 0 : static_cast<std::uint64_t>(product);
}

std::string Shape::to_string() const { return fmt::format("[{}]", fmt::join(values(), ", ")); }

std::string Strides::to_string() const { return fmt::format("[{}]", fmt::join(values(), ", ")); }

}  // namespace weft
