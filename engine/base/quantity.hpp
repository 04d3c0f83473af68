#pragma once

#include <cstdint>
#include <string_view>

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>

namespace weft {

/// "500ms", "30s", "1.5m", "2h". InvalidArgument without a unit, for a negative one, and beyond a hundred years.
Result<Duration> parse_duration(std::string_view text);
/// "256MiB", "1.5GiB", "64MB", "4096". InvalidArgument for anything else and for 2^63 bytes and more.
Result<std::uint64_t> parse_size(std::string_view text);

}  // namespace weft
