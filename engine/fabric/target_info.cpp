#include <weft/fabric/target_info.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include <weft/base/checked.hpp>

namespace weft::fabric {
namespace {

constexpr std::string_view kVersion = "weft-target/1";

// The text holds keys: it is not repeated in the error.
std::unexpected<Error> bad(const char* why) { return fail(ErrorClass::kInvalidArgument, "target info", why); }

std::string_view next_word(std::string_view& text) noexcept {
  const auto end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

bool read_number(std::string_view text, std::uint64_t& number) noexcept {
  const int base = text.starts_with("0x") ? 16 : 10;
  if (base == 16) text.remove_prefix(2);
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return code == std::errc{} && end == text.data() + text.size();
}

Result<RemoteRegion> read_region(std::string_view word) {
  const auto first = word.find(':');
  const auto second = word.find(':', first == std::string_view::npos ? first : first + 1);
  if (second == std::string_view::npos) return bad("a region is no address:bytes:key");
  RemoteRegion region;
  std::uint64_t bytes = 0;
  if (!read_number(word.substr(0, first), region.addr) ||
      !read_number(word.substr(first + 1, second - first - 1), bytes) ||
      !read_number(word.substr(second + 1), region.rkey))
    return bad("a region holds what is no number");
  region.len = bytes;
  if (bytes == 0 || !checked_add<std::uint64_t>(region.addr, bytes)) return bad("a region is empty, or wraps");
  return region;
}

bool is_provider_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == ';' || c == '-';
  });
}

}  // namespace

std::string TargetInfo::to_string() const {
  std::string text =
      fmt::format("{} {} {} {}", kVersion, provider, fabric::to_string(endpoint_type), address.to_base64());
  for (const RemoteRegion& region : regions)
    text += fmt::format(" {:#x}:{}:{:#x}", region.addr, region.len, region.rkey);
  return text;
}

Result<TargetInfo> TargetInfo::from_string(std::string_view text) {
  if (text.size() > kMaxText) return bad("it is too long");
  if (text.ends_with(' ')) return bad("there is a space at its end");
  if (next_word(text) != kVersion) return bad("it does not begin with weft-target/1");
  const std::string_view provider = next_word(text);
  if (!is_provider_name(provider)) return bad("the provider's name is none");
  const std::string_view type = next_word(text);
  if (type != "msg" && type != "rdm") return bad("the endpoint type is neither msg nor rdm");
  WEFT_LET(FabricAddress address, FabricAddress::from_base64(next_word(text)));
  RemoteRegionGroup regions;
  while (!text.empty()) {
    if (regions.size() == kMaxRegions) return bad("it has too many regions");
    WEFT_LET(const RemoteRegion region, read_region(next_word(text)));
    regions.push_back(region);
  }
  if (regions.empty()) return bad("it has no region");
  return TargetInfo{std::string{provider}, type == "msg" ? EndpointType::kMessage : EndpointType::kReliableDatagram,
                    std::move(address), std::move(regions)};
}

}  // namespace weft::fabric
