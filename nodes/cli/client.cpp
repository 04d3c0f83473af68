#include <cstdlib>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <weft/base/text.hpp>
#include <weft/nodes/cli/client.hpp>

namespace weft::cli {
namespace {

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

LogSink log_of(const Settings& settings) {
  auto logger = std::make_shared<spdlog::logger>("weft", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern("%H:%M:%S.%e %^%l%$ %v");
  logger->set_level(settings.quiet          ? spdlog::level::err
                    : settings.verbose == 0 ? spdlog::level::warn
                    : settings.verbose == 1 ? spdlog::level::info
                                            : spdlog::level::debug);
  return [logger = std::move(logger)](LogLevel level, std::string_view message, std::span<const LogField> fields) {
    if (!logger->should_log(level_of(level))) return;
    std::string line(message);
    for (const auto& field : fields) line += fmt::format(" {}={}", field.key, escaped(field.value));
    logger->log(level_of(level), "{}", line);
  };
}

}  // namespace

std::filesystem::path default_identity_file() {
  if (const char* folder = std::getenv("XDG_CONFIG_HOME"); folder != nullptr && *folder == '/')
    return std::filesystem::path(folder) / "weft" / "identity";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
    return std::filesystem::path(home) / ".config" / "weft" / "identity";
  return {};
}

Result<TensorNode> start_client(const Context& context) {
  NodeOptions options;
  std::error_code ignored;
  if (auto file = default_identity_file(); !file.empty() && std::filesystem::exists(file, ignored))
    options.identity = std::move(file);
  return start_node(context, std::move(options));
}

Result<TensorNode> start_node(const Context& context, NodeOptions options) {
  if (!context.settings.identity.empty()) options.identity = context.settings.identity;
  options.log = log_of(context.settings);
  const Signals::Shield shield;
  return TensorNode::start(std::move(options));
}

Deadline deadline_of(const Context& context) { return context.until ? Deadline{*context.until} : Deadline{}; }

}  // namespace weft::cli
