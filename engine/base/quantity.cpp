#include <weft/base/quantity.hpp>

#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace weft {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

// The number at the front, and the factor of the unit after it; less than 0 where either is not one.
template <std::size_t N>
double read(std::string_view text, const std::array<Unit, N>& units) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [after, code] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (code != std::errc{} || !std::isfinite(number)) return -1;
  const std::string_view unit(after, static_cast<std::size_t>(end - after));
  for (const auto& known : units)
    if (known.name == unit) return number * known.factor;
  return -1;
}

constexpr std::array kTimes{Unit{"us", 1e3}, Unit{"ms", 1e6}, Unit{"s", 1e9}, Unit{"m", 60e9}, Unit{"h", 3600e9}};
constexpr std::array kSizes{Unit{"", 1},
                            Unit{"B", 1},
                            Unit{"kB", 1e3},
                            Unit{"MB", 1e6},
                            Unit{"GB", 1e9},
                            Unit{"TB", 1e12},
                            Unit{"KiB", 1024},
                            Unit{"MiB", 1048576},
                            Unit{"K", 1024},
                            Unit{"M", 1048576},
                            Unit{"GiB", 1073741824},
                            Unit{"G", 1073741824},
                            Unit{"T", 1099511627776},
                            Unit{"TiB", 1099511627776}};
constexpr double kHundredYears = 100 * 365.25 * 86400e9;

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  const double nanoseconds = read(text, kTimes);
  if (nanoseconds < 0 || nanoseconds > kHundredYears)
    return fail(Error{ErrorClass::kInvalidArgument, "arguments", fmt::format("\"{}\" is no duration", text)}.with_hint(
        "a number and its unit: 500ms, 30s, 2m, 1h"));
  return Duration{static_cast<std::int64_t>(nanoseconds)};
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const double bytes = read(text, kSizes);
  if (bytes < 0 || bytes >= 0x1p63)
    return fail(Error{ErrorClass::kInvalidArgument, "arguments", fmt::format("\"{}\" is no size", text)}.with_hint(
        "a number and its unit: 256MiB, 1GiB, 64MB"));
  return static_cast<std::uint64_t>(bytes);
}

}  // namespace weft
