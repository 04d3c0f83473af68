#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

#include <weft/base/text.hpp>
#include <weft/nodes/cli/log_lines.hpp>

namespace weft::cli {
namespace {

LogLevel least_of(const Settings& settings) {
  if (settings.quiet) return LogLevel::kError;
  if (settings.verbose > 0) return settings.verbose == 1 ? LogLevel::kInfo : LogLevel::kDebug;
  return settings.log_level;
}

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string utc_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto milli = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const std::time_t whole = static_cast<std::time_t>(milli / 1000);
  std::tm parts{};
  char text[32] = "";
  if (::gmtime_r(&whole, &parts) != nullptr) std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return fmt::format("{}.{:03}Z", text, milli % 1000);
}

LogSink json_lines(LogLevel least) {
  return [least](LogLevel level, std::string_view message, std::span<const LogField> fields) {
    if (level < least) return;
    Json line{{"ts", utc_now()}, {"level", to_string(level)}, {"msg", message}};
    for (const auto& field : fields) line[std::string(field.key)] = field.value;
    const auto text = line.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
    std::fwrite(text.data(), 1, text.size(), stderr);
  };
}

LogSink text_lines(LogLevel least, bool colored) {
  const auto mode = colored ? spdlog::color_mode::always : spdlog::color_mode::never;
  auto logger = std::make_shared<spdlog::logger>("weft", std::make_shared<spdlog::sinks::stderr_color_sink_mt>(mode));
  logger->set_pattern("%H:%M:%S.%e %^%l%$ %v");
  logger->set_level(level_of(least));
  return [logger = std::move(logger)](LogLevel level, std::string_view message, std::span<const LogField> fields) {
    if (!logger->should_log(level_of(level))) return;
    std::string line(message);
    for (const auto& field : fields) line += fmt::format(" {}={}", field.key, escaped(field.value));
    logger->log(level_of(level), "{}", line);
  };
}

}  // namespace

LogSink log_lines(const Settings& settings, const Output& out) {
  const bool json = settings.log_format == LogFormat::kJson ||
                    (settings.log_format == LogFormat::kAuto && ::isatty(STDERR_FILENO) != 1);
  return json ? json_lines(least_of(settings)) : text_lines(least_of(settings), out.colors_words());
}

}  // namespace weft::cli
