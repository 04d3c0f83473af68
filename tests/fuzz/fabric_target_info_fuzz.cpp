// weft::fabric::TargetInfo::from_string on any text: an info that its own text gives again, or an invalid argument.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <weft/fabric/target_info.hpp>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto info = weft::fabric::TargetInfo::from_string(text);
  if (!info) {
    require(info.error().kind() == weft::ErrorClass::kInvalidArgument);
    return 0;
  }
  require(!info->provider.empty() && !info->regions.empty() && info->address.size() != 0);
  for (const weft::fabric::RemoteRegion& region : info->regions)
    require(region.len != 0 && region.addr <= ~std::uint64_t{0} - region.len);
  const auto again = weft::fabric::TargetInfo::from_string(info->to_string());
  require(again.has_value() && *again == *info);
  return 0;
}
