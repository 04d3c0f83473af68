#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/nodes/cli/arguments.hpp>
#include <weft/nodes/cli/quantity.hpp>
#include <weft/nodes/cli/settings.hpp>

namespace weft::cli {

Result<Lane> parse_lane_name(std::string_view text) {
  for (const Lane lane : {Lane::kAuto, Lane::kTls, Lane::kTcp, Lane::kVerbs})  // those that nodes open
    if (text == to_string(lane)) return lane;
  return fail(
      Error{ErrorClass::kInvalidArgument, "arguments", fmt::format("\"{}\" is no lane", escaped(text))}.with_hint(
          "lanes: auto, tls, tcp, verbs; `weft info` tells which this host has"));
}

void Settings::declare(Arguments& arguments) {
  arguments.flag("--json", json, "one JSON object on stdout, with stable keys");
  arguments.flag("--plain", plain, "tab-separated values without headings");
  arguments.flag("-q,--quiet", quiet, "results and errors only");
  arguments.count("-v,--verbose", verbose, "tell what happens; -vv tells more");
  arguments.parsed("--color", "WHEN", "auto, always or never", [this](std::string_view text) -> Result<void> {
    if (text == "auto")
      color = When::kAuto;
    else if (text == "always")
      color = When::kAlways;
    else if (text == "never")
      color = When::kNever;
    else
      return fail(Error{ErrorClass::kInvalidArgument, "arguments", fmt::format("--color {}", escaped(text))}.with_hint(
          "one of auto, always, never"));
    return {};
  });
  arguments.parsed(
      "--log-level", "LEVEL", "of the log: debug, info, warn (default), error",
      [this](std::string_view text) -> Result<void> {
        for (const auto level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError})
          if (text == to_string(level)) {
            log_level = level;
            return {};
          }
        return fail(
            Error{ErrorClass::kInvalidArgument, "arguments", fmt::format("--log-level {}", escaped(text))}.with_hint(
                "one of debug, info, warn, error"));
      });
  arguments.parsed(
      "--log-format", "FORMAT", "text, json, or auto: text on a terminal",
      [this](std::string_view text) -> Result<void> {
        if (text == "auto")
          log_format = LogFormat::kAuto;
        else if (text == "text")
          log_format = LogFormat::kText;
        else if (text == "json")
          log_format = LogFormat::kJson;
        else
          return fail(
              Error{ErrorClass::kInvalidArgument, "arguments", fmt::format("--log-format {}", escaped(text))}.with_hint(
                  "one of auto, text, json"));
        return {};
      });
  arguments.flag("--no-progress", no_progress, "no progress bars");
  arguments.parsed("--timeout", "TIME", "the whole command ends by then: 500ms, 30s, 2m",
                   [this](std::string_view text) -> Result<void> {
                     WEFT_LET(timeout, parse_duration(text));
                     if (timeout > Duration{}) return {};
                     return fail(Error{ErrorClass::kInvalidArgument, "arguments",
                                       fmt::format("--timeout {} leaves no time for anything", escaped(text))}
                                     .with_hint("without it a command ends after 30 s without progress"));
                   });
  arguments.parsed("--lane", "LANE", "use this lane only: tls, tcp, verbs",
                   [this](std::string_view text) -> Result<void> {
                     WEFT_LET(lane, parse_lane_name(text));
                     return {};
                   });
  arguments.path("--identity", "FILE", identity, "the key file that says who we are; made when it is not there");
  arguments.list("--trust", "NETWORK", trust, "networks where tensors may travel in clear: 10.0.0.0/8; repeatable");
  arguments.also_from("--trust", "WEFT_TRUST");
  arguments.also_from("--timeout", "WEFT_TIMEOUT");
  arguments.also_from("--log-level", "WEFT_LOG_LEVEL");
  arguments.also_from("--log-format", "WEFT_LOG_FORMAT");
  arguments.also_from("--identity", "WEFT_IDENTITY");
}

}  // namespace weft::cli
