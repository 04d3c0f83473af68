#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <weft/base/clock.hpp>
#include <weft/base/lane_name.hpp>
#include <weft/base/log.hpp>
#include <weft/base/result.hpp>

namespace weft::cli {

class Arguments;

enum class When { kAuto, kAlways, kNever };
enum class LogFormat { kAuto, kText, kJson };

/// What every command takes. Read once from the command line, and from WEFT_… where that says nothing; then passed down
/// as a value.
struct Settings {
  bool json = false;
  bool plain = false;
  bool quiet = false;
  int verbose = 0;
  bool no_progress = false;
  When color = When::kAuto;
  std::optional<Duration> timeout{};
  Lane lane = Lane::kAuto;
  LogLevel log_level = LogLevel::kWarn;  ///< where neither --quiet nor --verbose says another
  LogFormat log_format = LogFormat::kAuto;
  std::filesystem::path identity{};
  std::vector<std::string> trust{};

  /// Declares them: on the root, so that they may stand before and after the command's name.
  void declare(Arguments& arguments);
};

/// Lane names as a person types them, of the lanes that nodes open. InvalidArgument with those as hint.
Result<Lane> parse_lane_name(std::string_view text);

}  // namespace weft::cli
