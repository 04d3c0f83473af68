#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include <weft/nodes/cli/quantity.hpp>

namespace weft::cli {

Result<std::uint64_t> parse_count(std::string_view text, CountRange range) {
  std::uint64_t count = 0;
  const char* const end = text.data() + text.size();
  const bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (digits && !text.empty() && std::from_chars(text.data(), end, count).ec == std::errc{} && count >= range.least &&
      count <= range.most)
    return count;
  const bool bounded = range.most != CountRange{}.most;
  return fail(ErrorClass::kInvalidArgument, "arguments",
              fmt::format("a whole number from {}{}", range.least, bounded ? fmt::format(" to {}", range.most) : ""));
}

std::string clock_text(Duration time) {
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string latency_text(Duration time, bool utf8) {
  const double micro = static_cast<double>(time.count()) / 1e3;
  if (micro < 100) return fmt::format("{:.1f} {}", micro, utf8 ? "µs" : "us");
  if (micro < 1e6) return fmt::format("{:.2f} ms", micro / 1e3);
  return fmt::format("{:.2f} s", micro / 1e6);
}

double milliseconds(Duration time) noexcept { return static_cast<double>(time.count()) / 1e6; }
double seconds(Duration time) noexcept { return static_cast<double>(time.count()) / 1e9; }

}  // namespace weft::cli
