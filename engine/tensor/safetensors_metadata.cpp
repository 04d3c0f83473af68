#include <algorithm>

#include <weft/base/limits.hpp>
#include <weft/base/text.hpp>
#include <weft/tensor/safetensors_metadata.hpp>

namespace weft {
namespace {

/// Takes what a tensor may still carry.
class Luggage {
 public:
  void add(const std::string& key, const std::string& value) {
    if (key.empty() || key.size() > kMaxAttributeKeyBytes || !is_clean_utf8(key) || !is_clean_utf8(value)) return;
    if (attributes_.size() == kMaxAttributes || key.size() + value.size() > room_) return;
    if (attributes_.emplace(key, value).second) room_ -= key.size() + value.size();
  }
  Attributes taken() && { return std::move(attributes_); }

 private:
  Attributes attributes_;
  std::uint64_t room_ = kMaxAttributesBytes;
};

}  // namespace

Attributes attributes_of(const SafetensorsMetadata& metadata) {
  Luggage luggage;
  if (const auto format = metadata.find("format"); format != metadata.end()) luggage.add(format->first, format->second);
  for (const auto& [key, value] : metadata) luggage.add(key, value);
  return std::move(luggage).taken();
}

SafetensorsMetadata common_metadata(std::span<const TensorMeta* const> tensors) {
  if (tensors.empty()) return {};
  const Attributes& first = tensors.front()->attributes;
  SafetensorsMetadata common(first.begin(), first.end());
  for (const TensorMeta* tensor : tensors.subspan(1))
    std::erase_if(common, [&](const auto& one) {
      const auto same = tensor->attributes.find(one.first);
      return same == tensor->attributes.end() || same->second != one.second;
    });
  return common;
}

}  // namespace weft
