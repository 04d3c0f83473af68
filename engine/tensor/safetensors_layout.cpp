#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <tuple>

#include <weft/base/checked.hpp>
#include <weft/base/limits.hpp>
#include <weft/base/text.hpp>
#include <weft/tensor/safetensors_json.hpp>
#include <weft/tensor/safetensors_writer.hpp>

namespace weft {
namespace {

constexpr std::uint64_t kLengthBytes = 8;

std::unexpected<Error> refuse(ErrorClass kind, std::string_view name, std::string_view what) {
  return fail(kind, "safetensors", fmt::format("tensor {}: {}", detail::shown(name), what));
}

Result<std::uint64_t> check_item(const SafetensorsItem& item) {
  const TensorMeta& meta = item.meta;
  if (item.name == "__metadata__") return refuse(ErrorClass::kInvalidArgument, item.name, "the format keeps this name");
  if (item.name.size() > kMaxNameBytes || !is_clean_utf8(item.name))
    return refuse(ErrorClass::kInvalidArgument, item.name,
                  fmt::format("a name is at most {} bytes of UTF-8 without NUL", kMaxNameBytes));
  if (const auto valid = meta.validate(); !valid)
    return refuse(valid.error().kind(), item.name, valid.error().message());
  if (safetensors_name(meta.dtype).empty())
    return refuse(ErrorClass::kUnsupported, item.name,
                  fmt::format("the safetensors format has no {}", to_string(meta.dtype)));
  WEFT_LET(const std::uint64_t elements, meta.shape.element_count());
  if (bits(meta.dtype) < 8 && elements % 2 != 0)
    return refuse(ErrorClass::kUnsupported, item.name, "the safetensors format has no odd number of 4-bit elements");
  return meta.byte_size();
}

Result<std::string> metadata_json(const SafetensorsMetadata& metadata) {
  std::string json;
  for (const auto& [key, value] : metadata) {
    if (!is_clean_utf8(key) || !is_clean_utf8(value))
      return fail(ErrorClass::kInvalidArgument, "safetensors",
                  fmt::format("metadata {} is not UTF-8 without NUL", detail::shown(key)));
    json += fmt::format("{}{}:{}", json.empty() ? "" : ",", detail::json_quoted(key), detail::json_quoted(value));
  }
  return fmt::format("\"__metadata__\":{{{}}}", json);
}

std::string item_json(const SafetensorsItem& item, std::uint64_t begin, std::uint64_t bytes) {
  std::string shape;
  for (std::int64_t extent : item.meta.shape) shape += fmt::format("{}{}", shape.empty() ? "" : ",", extent);
  return fmt::format("{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}", detail::json_quoted(item.name),
                     safetensors_name(item.meta.dtype), shape, begin, begin + bytes);
}

/// What the library sorts types by, whose files ours are equal to: wide ones first, so that all are aligned.
constexpr std::array kFirstToLast{DType::kU64, DType::kI64,    DType::kF64,    DType::kC64,    DType::kF32,
                                  DType::kU32, DType::kI32,    DType::kBF16,   DType::kF16,    DType::kU16,
                                  DType::kI16, DType::kF8E8M0, DType::kF8E4M3, DType::kF8E5M2, DType::kI8,
                                  DType::kU8,  DType::kF4E2M1, DType::kBool};

std::vector<std::size_t> file_order(std::span<const SafetensorsItem> items) {
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::sort(order, {}, [&](std::size_t at) {
    const auto rank = std::ranges::find(kFirstToLast, items[at].meta.dtype) - kFirstToLast.begin();
    return std::tuple<std::ptrdiff_t, std::string_view>{rank, items[at].name};
  });
  return order;
}

Result<void> check_unique(std::span<const SafetensorsItem> items) {
  std::vector<std::string_view> names;
  for (const SafetensorsItem& item : items) names.push_back(item.name);
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice == names.end()) return {};
  return refuse(ErrorClass::kInvalidArgument, *twice, "it was given twice");
}

std::vector<std::byte> framed(std::string json) {
  json.append(round_up<std::uint64_t>(json.size(), 8) - json.size(), ' ');
  std::vector<std::byte> header;
  header.reserve(kLengthBytes + json.size());
  for (std::uint64_t at = 0; at < kLengthBytes; ++at) header.push_back(static_cast<std::byte>(json.size() >> 8 * at));
  for (char character : json) header.push_back(static_cast<std::byte>(character));
  return header;
}

}  // namespace

Result<SafetensorsLayout> SafetensorsLayout::make(std::span<const SafetensorsItem> items,
                                                  const SafetensorsMetadata& metadata) {
  SafetensorsLayout layout;
  layout.offsets.resize(items.size());
  std::string json = "{";
  if (!metadata.empty()) {
    WEFT_LET(const std::string text, metadata_json(metadata));
    json += text;
  }
  std::uint64_t end = 0;
  WEFT_TRY(check_unique(items));
  for (std::size_t at : file_order(items)) {
    WEFT_LET(const std::uint64_t bytes, check_item(items[at]));
    if (json.size() > 1) json += ',';
    json += item_json(items[at], end, bytes);
    layout.offsets[at] = end;
    end += bytes;
    if (json.size() > kMaxSafetensorsHeaderBytes - 8 || end > kMaxTensorBytes)
      return refuse(ErrorClass::kInvalidArgument, items[at].name, "from here on they are too many for one file");
  }
  layout.header = framed(json + '}');
  for (std::uint64_t& offset : layout.offsets) offset += layout.header.size();
  layout.file_bytes = layout.header.size() + end;
  return layout;
}

}  // namespace weft
