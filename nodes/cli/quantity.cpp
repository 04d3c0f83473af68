#include <fmt/format.h>

#include <weft/nodes/cli/quantity.hpp>

namespace weft::cli {

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
