#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <weft/base/result.hpp>

/// The one door to the JSON library, so that nothing else includes it. Internal to this component.
namespace weft::detail {

/// What a reader of JSON is told, in order. An error ends the reading and is its result. Keys are not compared here:
/// duplicates are the listener's to find.
class JsonListener {
 public:
  JsonListener() = default;
  JsonListener(const JsonListener&) = delete;
  JsonListener& operator=(const JsonListener&) = delete;
  virtual ~JsonListener() = default;

  virtual Result<void> on_begin(bool object) = 0;  ///< an object, or an array
  virtual Result<void> on_end() = 0;
  virtual Result<void> on_key(std::string& key) = 0;  ///< may be moved from
  virtual Result<void> on_text(std::string& text) = 0;
  virtual Result<void> on_count(std::uint64_t count) = 0;
  /// Any other scalar; `what` names it for an error: "a negative number", "a boolean"…
  virtual Result<void> on_other(std::string_view what) = 0;
};

/// Reads one JSON value and nothing after it but blanks. Malformed for what is not JSON, with the position; nothing is
/// kept of the text, and nothing is thrown.
Result<void> read_json(std::span<const std::byte> text, JsonListener& listener, std::string_view operation);

/// `text` as a JSON string, quotes included.
std::string json_quoted(std::string_view text);

/// A name for an error message: printable, quoted, and short enough to read.
std::string shown(std::string_view name);

}  // namespace weft::detail
