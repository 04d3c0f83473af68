#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>

namespace weft::cli {

/// "500ms", "30s", "1.5m", "2h". InvalidArgument without a unit, for a negative one, and beyond a hundred years.
Result<Duration> parse_duration(std::string_view text);
/// "256MiB", "1.5GiB", "64MB", "4096". InvalidArgument for anything else and for 2^63 bytes and more.
Result<std::uint64_t> parse_size(std::string_view text);

/// "0:07", "12:00", "1:02:03"; of a transfer's time left or taken.
std::string clock_text(Duration time);
/// "0.42 ms", "3.1 s", "87 µs" (or "us"); for latencies.
std::string latency_text(Duration time, bool utf8);
double milliseconds(Duration time) noexcept;
double seconds(Duration time) noexcept;

}  // namespace weft::cli
