#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/nodes/cli/progress_bar.hpp>
#include <weft/nodes/cli/quantity.hpp>
#include <weft/nodes/cli/table.hpp>

namespace weft::cli {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::uint64_t kRatedBytes = 16ull << 20;
constexpr std::chrono::milliseconds kRatedTime{500};
constexpr std::size_t kWidestBar = 24;
constexpr std::size_t kNarrowestBar = 6;

double fraction_of(const ProgressLine& line) {
  if (line.bytes_total == 0) return line.items_total == 0 || line.items == line.items_total ? 1 : 0;
  return std::min(1.0, static_cast<double>(line.bytes) / static_cast<double>(line.bytes_total));
}

std::string bar(double fraction, std::size_t width, bool utf8) {
  if (!utf8) {
    const auto full = static_cast<std::size_t>(fraction * static_cast<double>(width));
    return "[" + std::string(full, '#') + std::string(width - full, '.') + "]";
  }
  static constexpr std::array<std::string_view, 8> kEighths{" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto eighths = static_cast<std::size_t>(fraction * static_cast<double>(width) * 8);
  std::string text = "▕";
  for (std::size_t at = 0; at < width; ++at) {
    const auto here = eighths > at * 8 ? std::min<std::size_t>(8, eighths - at * 8) : 0;
    text += here == 8 ? std::string_view("█") : kEighths[here];
  }
  return text + "▏";
}

std::string cut(std::string text, std::size_t width, bool utf8) {
  if (display_width(text) <= width) return text;
  const std::string_view mark = utf8 ? "…" : "~";
  std::size_t shown = 0;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const bool starts = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    if (starts && ++shown == width) break;
  }
  return text.substr(0, at) + std::string(mark);
}

}  // namespace

std::string ProgressLine::text(std::size_t width, bool utf8) const {
  const double fraction = fraction_of(*this);
  const auto share = fmt::format("{:3.0f} %", std::floor(fraction * 100));
  const std::string front = label.empty() ? "" : label + "  ";
  const std::string counted = unit.empty() ? "" : fmt::format("{}/{} {}  ", items, items_total, unit);
  const auto sizes = fmt::format("{} / {}  ", human_bytes(bytes), human_bytes(bytes_total));
  std::string speed;
  if (bytes_per_second) speed = *bytes_per_second > 0 ? human_rate(*bytes_per_second) + "  " : "- B/s  ";
  speed += clock_text(time);
  const std::string end = tail.empty() ? "" : "   " + tail;

  const auto without_bar = [&](std::string_view first, std::string_view last) {
    return fmt::format("{}{}{}{}{}", first, share, last.empty() ? "" : "  ", last, end);
  };
  const auto before = fmt::format("{}{}{}{}  ", front, counted, sizes, share);
  const auto behind = fmt::format("  {}{}", speed, end);
  const auto words = display_width(before) + display_width(behind) + 2;  // and the bar's two ends
  if (width >= words + kNarrowestBar) return before + bar(fraction, std::min(kWidestBar, width - words), utf8) + behind;
  for (const auto& shorter :
       {without_bar(fmt::format("{}{}{}", front, counted, sizes), speed), without_bar(front + counted, speed),
        without_bar(front + counted, ""), without_bar(front, ""), without_bar("", ""), tail})
    if (!shorter.empty() && display_width(shorter) <= width) return shorter;
  return cut(tail.empty() ? share : tail.substr(tail.rfind(' ') + 1), width, utf8);
}

ProgressBar::ProgressBar(Output& out, std::string label, std::string unit, std::uint64_t items_total,
                         std::uint64_t bytes_total)
    : out_(out), began_(Clock::now()), rated_(began_) {
  line_.label = std::move(label);
  line_.unit = std::move(unit);
  line_.items_total = items_total;
  line_.bytes_total = bytes_total;
}

ProgressBar::~ProgressBar() {
  if (shown_ && !finished_) std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::update(std::uint64_t items, std::uint64_t bytes) {
  line_.items = items;
  line_.bytes = std::min(bytes, line_.bytes_total);
  if (!out_.live()) return;
  const auto now = Clock::now();
  if (shown_ && now - drawn_ < kRedraw) return;
  // Smoothed over about a second: a number that can be read.
  const double past = seconds(now - rated_);
  if (past > 0.05) {
    const double here = static_cast<double>(line_.bytes - std::min(line_.bytes, rated_bytes_)) / past;
    const double known = line_.bytes_per_second.value_or(0);
    const double weight = known == 0 ? 1 : 1 - std::exp(-past);
    line_.bytes_per_second = known + weight * (here - known);
    rated_ = now;
    rated_bytes_ = line_.bytes;
  }
  line_.time = {};
  if (const double rate = line_.bytes_per_second.value_or(0); rate > 0)
    line_.time = std::chrono::seconds(
        static_cast<std::int64_t>(std::min(1e7, static_cast<double>(line_.bytes_total - line_.bytes) / rate)));
  drawn_ = now;
  draw(false);
}

void ProgressBar::finish(std::string tail, std::optional<Duration> moving) {
  const auto time = moving.value_or(taken());
  line_.items = line_.items_total;
  line_.bytes = line_.bytes_total;
  line_.tail = std::move(tail);
  line_.bytes_per_second.reset();
  if (line_.bytes_total >= kRatedBytes || (line_.bytes_total > 0 && time >= kRatedTime))
    line_.bytes_per_second = static_cast<double>(line_.bytes_total) / std::max(1e-9, seconds(time));
  line_.time = time;
  finished_ = true;
  draw(true);
}

void ProgressBar::draw(bool last) {
  if (!out_.live()) {
    if (last && out_.format() == Format::kText) out_.say(line_.text(120, out_.utf8()));
    return;
  }
  const auto width = out_.width();
  std::string text = "\r" + line_.text(width > 1 ? width - 1 : 1, out_.utf8()) + "\x1b[K";
  if (last) text += '\n';
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
  shown_ = true;
}

}  // namespace weft::cli
