#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/checked.hpp>
#include <weft/base/limits.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/grains.hpp>

namespace weft {
namespace {

constexpr int kVersion = 1;
constexpr std::size_t kMaxText = 16 * 1024;
constexpr const char* kKind = "weft-target";

std::unexpected<Error> refuse(std::string what) {
  return fail(Error{ErrorClass::kInvalidArgument, "target info", std::move(what)}.with_hint(
      "give the text that the target printed, whole"));
}

// Of that type and within what it may be, else nothing.
std::optional<std::uint64_t> number(const nlohmann::json& from, const char* key, std::uint64_t most) {
  const auto found = from.find(key);
  if (found == from.end() || !found->is_number_unsigned()) return std::nullopt;
  const auto value = found->get<std::uint64_t>();
  if (value == 0 || value > most) return std::nullopt;
  return value;
}
std::optional<std::string> text(const nlohmann::json& from, const char* key) {
  const auto found = from.find(key);
  if (found == from.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

Result<TargetInfo> read(const nlohmann::json& json) {
  if (!json.is_object() || text(json, "kind") != kKind) return refuse("this is no target info");
  if (number(json, "version", 1u << 16) != kVersion)
    return refuse(fmt::format("target info of another version; {} is spoken", kVersion));
  TargetInfo info;
  const auto ticket = text(json, "ticket");
  if (!ticket) return refuse("no ticket in it");
  auto parsed = Ticket::parse(*ticket);
  if (!parsed) return refuse("its ticket: " + std::string(parsed.error().message()));
  info.ticket = std::move(*parsed);
  const auto ring = text(json, "ring");
  if (!ring || ring->empty() || ring->size() > kMaxNameBytes || !is_clean_utf8(*ring)) return refuse("no ring in it");
  info.ring = *ring;
  const auto token = text(json, "token");
  const auto bytes = token ? from_base64(*token) : Result<std::vector<std::byte>>(refuse("no token"));
  if (!bytes || bytes->size() != info.token.size()) return refuse("its token is not 16 bytes in base64");
  std::copy(bytes->begin(), bytes->end(), info.token.begin());
  const auto grains = number(json, "grains", kMaxPieces);
  const auto size = number(json, "grainBytes", kMaxTensorBytes);
  const auto slices = number(json, "slices", UINT32_MAX);
  if (!grains || !size || !slices || *size % *slices != 0 || !checked_mul(*grains, *size))
    return refuse("a ring of that shape cannot be");
  info.grains = static_cast<std::uint32_t>(*grains);
  info.grain_bytes = *size;
  info.slices = static_cast<std::uint32_t>(*slices);
  return info;
}

}  // namespace

Result<TargetInfo> TargetInfo::parse(std::string_view given) {
  if (given.size() > kMaxText) return refuse("longer than any target info");
  const auto blank = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
  while (!given.empty() && blank(given.back())) given.remove_suffix(1);
  while (!given.empty() && blank(given.front())) given.remove_prefix(1);
  if (given.empty()) return refuse("an empty text");
  std::string json(given);
  if (given.front() != '{') {
    const auto bytes = from_base64(given);
    if (!bytes) return refuse("neither base64 nor JSON");
    json.assign(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  }
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  if (parsed.is_discarded()) return refuse("the JSON in it does not read");
  return read(parsed);
}

std::string TargetInfo::to_json() const {
  const nlohmann::ordered_json json{{"kind", kKind},
                                    {"version", kVersion},
                                    {"ticket", ticket.to_string()},
                                    {"ring", ring},
                                    {"token", to_base64(token)},
                                    {"grains", grains},
                                    {"grainBytes", grain_bytes},
                                    {"slices", slices}};
  return json.dump();
}

std::string TargetInfo::to_string() const {
  const std::string json = to_json();
  return to_base64(std::as_bytes(std::span(json)));
}

}  // namespace weft
