#include <weft/nodes/environment.hpp>

#include <cstdlib>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include <weft/base/quantity.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/options.hpp>

namespace weft {
namespace {

/// What WEFT_… says; an empty one says nothing.
std::optional<std::string> variable(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> all;
  while (true) {
    const auto comma = text.find(',');
    if (const auto word = text.substr(0, comma); !word.empty()) all.emplace_back(word);
    if (comma == text.npos) return all;
    text.remove_prefix(comma + 1);
  }
}

/// An error about a value, told with the variable that held it.
std::unexpected<Error> of_variable(const char* name, const Error& why) {
  Error told(why.kind(), "environment", fmt::format("{}: {}", name, why.message()));
  return fail(std::move(told).with_hint(std::string(why.hint())));
}

template <class Into>
Result<void> read_duration(const char* name, Into& into, std::string_view unit = "") {
  const auto text = variable(name);
  if (!text) return {};
  auto value = parse_duration(*text + std::string(unit));
  if (!value && !unit.empty())
    return of_variable(name, Error(ErrorClass::kInvalidArgument, "environment",
                                   fmt::format("\"{}\" is no number of {}", escaped(*text), unit))
                                 .with_hint("a number alone, such as 20"));
  if (!value) return of_variable(name, value.error());
  into = *value;
  return {};
}

template <class Into>
Result<void> read_size(const char* name, Into& into) {
  const auto text = variable(name);
  if (!text) return {};
  auto value = parse_size(*text);
  if (!value) return of_variable(name, value.error());
  into = static_cast<Into>(*value);
  return {};
}

Result<void> read_lanes(std::vector<Lane>& lanes) {
  for (const auto& word : words(variable("WEFT_LANES").value_or(""))) {
    const auto lane = parse_lane(word);
    if (!lane || *lane == Lane::kAuto || *lane == Lane::kLocal)
      return of_variable("WEFT_LANES", Error(ErrorClass::kInvalidArgument, "environment",
                                             fmt::format("\"{}\" is no lane", escaped(word)))
                                           .with_hint("lanes: tls, tcp, verbs, efa"));
    lanes.push_back(*lane);
  }
  return {};
}

}  // namespace

Result<Access> detail::parse_access(const std::vector<std::string>& allow) {
  if (allow.empty() || allow == std::vector<std::string>{"local"}) return Access::local();
  if (allow == std::vector<std::string>{"any"}) return Access::any();
  std::vector<NodeId> ids;
  for (const auto& word : allow) {
    auto id = NodeId::parse(word);
    if (!id)
      return fail(
          Error{ErrorClass::kInvalidArgument, "allow", fmt::format("\"{}\" is no node", escaped(word))}.with_hint(
              "local, any, or node ids as `weft id` prints them there"));
    ids.push_back(*id);
  }
  return Access::peers(std::move(ids));
}

Result<NodeOptions> NodeOptions::from_environment() {
  NodeOptions options;
  options.listen = words(variable("WEFT_LISTEN").value_or(""));
  options.trust = words(variable("WEFT_TRUST").value_or(""));
  options.identity = variable("WEFT_IDENTITY").value_or("");
  auto access = detail::parse_access(words(variable("WEFT_ALLOW").value_or("")));
  if (!access) return of_variable("WEFT_ALLOW", std::move(access).error());
  options.access = std::move(*access);
  WEFT_TRY(read_lanes(options.lanes));
  WEFT_TRY(read_size("WEFT_INBOX_BYTES", options.limits.inbox_bytes));
  WEFT_TRY(read_size("WEFT_MEMORY_BYTES", options.limits.memory_bytes));
  WEFT_TRY(read_size("WEFT_CONNECTIONS", options.pool.connections));
  WEFT_TRY(read_duration("WEFT_IDLE", options.pool.idle));
  WEFT_TRY(read_duration("WEFT_HEARTBEAT", options.liveness.heartbeat));
  WEFT_TRY(read_duration("WEFT_SPIN_US", options.spin, "us"));
  WEFT_TRY(read_duration("WEFT_ASK_KERNEL_US", options.ask_kernel, "us"));
  return options;
}

}  // namespace weft
