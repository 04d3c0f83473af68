#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <weft/base/quantity.hpp>

namespace weft::cli {

/// Of a number that an option takes.
struct CountRange {
  std::uint64_t least = 1;
  std::uint64_t most = std::numeric_limits<std::int64_t>::max();
};
/// Digits and nothing else: "12". InvalidArgument, whose text is "a whole number from 1", for signs, for anything
/// behind it, and beyond the range.
Result<std::uint64_t> parse_count(std::string_view text, CountRange range = {});

/// "0:07", "12:00", "1:02:03"; of a transfer's time left or taken.
std::string clock_text(Duration time);
/// "0.42 ms", "3.1 s", "87 µs" (or "us"); for latencies.
std::string latency_text(Duration time, bool utf8);
double milliseconds(Duration time) noexcept;
double seconds(Duration time) noexcept;

}  // namespace weft::cli
