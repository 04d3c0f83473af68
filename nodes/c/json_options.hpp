#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <weft/nodes/c/fault.hpp>

namespace weft::c {

/// A C caller's options: a JSON object, each key of which is asked for once. `done` refuses what nobody asked for.
class JsonOptions {
 public:
  /// NULL and the empty text are an empty object. INVALID_ARG: no JSON, or not an object.
  static Outcome<JsonOptions> parse(const char* text);

  /// Nothing when the key is not there; INVALID_ARG when it is not of that kind, or out of bounds.
  Outcome<std::optional<std::uint64_t>> number(const char* key, std::uint64_t least, std::uint64_t most);
  Outcome<std::optional<std::string>> text(const char* key);
  Outcome<std::vector<std::string>> texts(const char* key);
  /// INVALID_ARG names a key that is not one, and the nearest that is.
  Outcome<void> done() const;

 private:
  const nlohmann::json* take(const char* key);

  nlohmann::json object_ = nlohmann::json::object();
  std::vector<std::string> known_{};
};

}  // namespace weft::c
