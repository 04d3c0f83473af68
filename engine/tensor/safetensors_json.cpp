#include <fmt/format.h>

#include <cstring>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>

#include <weft/base/text.hpp>
#include <weft/tensor/safetensors_json.hpp>

namespace weft::detail {
namespace {

using Json = nlohmann::json;

// Turns the library's events into ours; `false` stops the library.
class Adapter final : public nlohmann::json_sax<Json> {
 public:
  Adapter(JsonListener& listener, std::string_view operation) : listener_(listener), operation_(operation) {}

  bool null() override { return go(listener_.on_other("null")); }
  bool boolean(bool) override { return go(listener_.on_other("a boolean")); }
  bool number_integer(number_integer_t) override { return go(listener_.on_other("a negative number")); }
  bool number_unsigned(number_unsigned_t value) override { return go(listener_.on_count(value)); }
  bool number_float(number_float_t, const string_t&) override {
    return go(listener_.on_other("a number that is not whole or beyond 64 bits"));
  }
  bool string(string_t& text) override { return go(listener_.on_text(text)); }
  bool binary(binary_t&) override { return go(listener_.on_other("binary data")); }
  bool start_object(std::size_t) override { return go(listener_.on_begin(true)); }
  bool start_array(std::size_t) override { return go(listener_.on_begin(false)); }
  bool key(string_t& key) override { return go(listener_.on_key(key)); }
  bool end_object() override { return go(listener_.on_end()); }
  bool end_array() override { return go(listener_.on_end()); }
  bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
    error_ = Error{ErrorClass::kMalformed, std::string{operation_}, fmt::format("no JSON at byte {} of it", position)};
    return false;
  }

  Result<void> result() const {
    if (error_) return fail(*error_);
    return {};
  }

 private:
  bool go(Result<void> result) {
    if (!result) error_ = std::move(result).error();
    return !error_;
  }

  JsonListener& listener_;
  std::string_view operation_;
  std::optional<Error> error_;
};

}  // namespace

Result<void> read_json(std::span<const std::byte> text, JsonListener& listener, std::string_view operation) {
  // The library takes NUL for the end and would ignore what follows it.
  if (!text.empty() && std::memchr(text.data(), 0, text.size()) != nullptr)
    return fail(ErrorClass::kMalformed, std::string{operation}, "a NUL byte in JSON");
  const auto* first = reinterpret_cast<const char*>(text.data());
  Adapter adapter{listener, operation};
  try {
    Json::sax_parse(first, first + text.size(), &adapter);
  } catch (const std::exception& thrown) {  // memory, or what the library's documentation does not list
    return fail(ErrorClass::kResourceExhausted, std::string{operation}, fmt::format("reading JSON: {}", thrown.what()));
  }
  return adapter.result();
}

std::string json_quoted(std::string_view text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string shown(std::string_view name) {
  constexpr std::size_t kShown = 80;
  if (name.size() <= kShown) return fmt::format("\"{}\"", escaped(name));
  return fmt::format("\"{}…\" ({} bytes)", escaped(name.substr(0, kShown)), name.size());
}

}  // namespace weft::detail
