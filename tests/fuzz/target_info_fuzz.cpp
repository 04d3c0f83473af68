// TargetInfo::parse and weftFabricsTargetInfoFromString on any text: an info that its own text gives again, or an
// invalid argument; and the two agree.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include <weft/fabrics.h>
#include <weft/base/text.hpp>
#include <weft/nodes/grains.hpp>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(std::string_view text) {
  const auto info = weft::TargetInfo::parse(text);
  if (!info) {
    require(info.error().kind() == weft::ErrorClass::kInvalidArgument);
    require(!info.error().hint().empty());
    return;
  }
  require(info->grains != 0 && info->grain_bytes != 0 && info->slices != 0 && info->grain_bytes % info->slices == 0);
  for (const std::string& spelt : {info->to_string(), info->to_json()}) {
    const auto again = weft::TargetInfo::parse(spelt);
    require(again.has_value() && *again == *info);
  }
}

/// As C sees it: up to the first NUL.
void check_c(const std::string& text) {
  const auto info = weft::TargetInfo::parse(text.c_str());
  weftTargetInfo handle = nullptr;
  const weftStatus status = weftFabricsTargetInfoFromString(text.c_str(), &handle);
  require(status == (info ? WEFT_STATUS_OK : WEFT_ERR_INVALID_ARG));
  if (!info) return require(handle == nullptr);
  const std::string spelt = info->to_string();
  std::size_t size = 0;
  require(weftFabricsTargetInfoToString(handle, nullptr, &size) == WEFT_STATUS_OK && size == spelt.size() + 1);
  std::string out(size, '?');
  require(weftFabricsTargetInfoToString(handle, out.data(), &size) == WEFT_STATUS_OK);
  require(out == spelt + std::string(1, '\0'));
  require(weftFabricsFreeTargetInfo(handle) == WEFT_STATUS_OK);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  check(text);
  check_c(std::string(text));
  // The same as what the base64 of a text holds, so that changes of the JSON are met there too.
  check(weft::to_base64(std::as_bytes(std::span{data, size})));
  return 0;
}
