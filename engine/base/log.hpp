#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace weft {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };
std::string_view to_string(LogLevel) noexcept;

/// One value of a log record. Keys are constants; values are borrowed for the call.
struct LogField {
  std::string_view key;
  std::string_view value;
};

/// Where records go. `message` is constant text, values are fields, so that records can be counted and searched.
/// Called from any thread; must not block for long and must not throw. An empty sink drops everything.
/// Keys, tickets and tensor bytes are never passed to it.
using LogSink = std::function<void(LogLevel level, std::string_view message, std::span<const LogField> fields)>;

}  // namespace weft
