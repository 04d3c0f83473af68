#pragma once

#include <string>

#include <weft/base/quantity.hpp>

namespace weft::cli {

/// "0:07", "12:00", "1:02:03"; of a transfer's time left or taken.
std::string clock_text(Duration time);
/// "0.42 ms", "3.1 s", "87 µs" (or "us"); for latencies.
std::string latency_text(Duration time, bool utf8);
double milliseconds(Duration time) noexcept;
double seconds(Duration time) noexcept;

}  // namespace weft::cli
