#include <weft/nodes/c/json_options.hpp>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <weft/base/text.hpp>

namespace weft::c {
namespace {

constexpr std::size_t kMaxBytes = 1 << 20;

std::unexpected<Fault> bad_option(const char* key, const std::string& what) {
  return bad_argument(fmt::format("option \"{}\" is {}", key, what));
}

/// Objects and arrays that nest deeper than any option are cut off, so that the parser's recursion is bounded.
bool shallow(int depth, nlohmann::json::parse_event_t, nlohmann::json&) { return depth < 8; }

}  // namespace

Outcome<JsonOptions> JsonOptions::parse(const char* text) {
  JsonOptions options;
  if (text == nullptr || *text == '\0') return options;
  const std::string_view whole(text);
  if (whole.size() > kMaxBytes) return bad_argument("the options are longer than 1 MiB");
  options.object_ = nlohmann::json::parse(whole, shallow, false);
  if (options.object_.is_discarded()) return bad_argument("the options are no JSON");
  if (!options.object_.is_object())
    return bad_argument("the options are no JSON object", R"(write them as {"key": value})");
  return options;
}

const nlohmann::json* JsonOptions::take(const char* key) {
  known_.emplace_back(key);
  const auto found = object_.find(key);
  return found == object_.end() ? nullptr : &*found;
}

Outcome<std::optional<std::uint64_t>> JsonOptions::number(const char* key, std::uint64_t least, std::uint64_t most) {
  const nlohmann::json* const value = take(key);
  if (value == nullptr) return std::nullopt;
  const std::string range = fmt::format("not a whole number from {} to {}", least, most);
  if (!value->is_number()) return bad_option(key, range);
  if (value->is_number_float()) {
    // "64.0" and 1e3 are whole too; what is out of range is never cast.
    const double given = value->get<double>();
    if (!(given >= static_cast<double>(least) && given <= static_cast<double>(most)) || given != std::floor(given))
      return bad_option(key, range);
    return static_cast<std::uint64_t>(given);
  }
  if (!value->is_number_unsigned()) return bad_option(key, range);
  const auto given = value->get<std::uint64_t>();
  if (given < least || given > most) return bad_option(key, range);
  return given;
}

Outcome<std::optional<std::string>> JsonOptions::text(const char* key) {
  const nlohmann::json* const value = take(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return bad_option(key, "not a text");
  auto given = value->get<std::string>();
  if (given.empty() || !is_clean_utf8(given)) return bad_option(key, "empty, or not clean UTF-8");
  return given;
}

Outcome<std::vector<std::string>> JsonOptions::texts(const char* key) {
  const nlohmann::json* const value = take(key);
  std::vector<std::string> all;
  if (value == nullptr) return all;
  if (!value->is_array()) return bad_option(key, "not a list of texts");
  for (const nlohmann::json& entry : *value) {
    if (!entry.is_string()) return bad_option(key, "not a list of texts");
    all.push_back(entry.get<std::string>());
  }
  return all;
}

Outcome<void> JsonOptions::done() const {
  for (const auto& item : object_.items()) {
    if (std::find(known_.begin(), known_.end(), item.key()) != known_.end()) continue;
    const std::string_view near = nearest(item.key(), known_);
    return bad_argument(fmt::format("there is no option \"{}\"", escaped(item.key())),
                        !near.empty()    ? fmt::format("did you mean \"{}\"?", near)
                        : known_.empty() ? "this function has no options"
                                         : fmt::format("known are: {}", fmt::join(known_, ", ")));
  }
  return {};
}

}  // namespace weft::c
