#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <optional>
#include <tuple>
#include <unordered_set>

#include <weft/base/checked.hpp>
#include <weft/base/limits.hpp>
#include <weft/base/text.hpp>
#include <weft/tensor/safetensors.hpp>
#include <weft/tensor/safetensors_json.hpp>

namespace weft {
namespace {

constexpr const char* kOperation = "safetensors";
constexpr std::uint64_t kLengthBytes = 8;

std::unexpected<Error> malformed(std::string message) {
  return fail(ErrorClass::kMalformed, kOperation, std::move(message));
}

// The header's grammar: {"__metadata__": {text: text…}, name: {"dtype": text, "shape": [count…],
// "data_offsets": [begin, end]}…}. What the format does not name is refused: a field nobody here knows may change what
// the bytes mean.
class HeaderListener final : public detail::JsonListener {
 public:
  HeaderListener(std::uint64_t data_offset, std::uint64_t data_bytes)
      : data_offset_(data_offset), data_bytes_(data_bytes) {}

  Result<void> on_begin(bool object) override;
  Result<void> on_end() override;
  Result<void> on_key(std::string& key) override;
  Result<void> on_text(std::string& text) override;
  Result<void> on_count(std::uint64_t count) override;
  Result<void> on_other(std::string_view what) override { return misplaced(what); }

  std::vector<SafetensorsEntry> entries;
  SafetensorsMetadata metadata;

 private:
  enum class Place : std::uint8_t { kStart, kTop, kMetadata, kTensor, kShape, kOffsets, kEnd };
  enum Field : std::uint8_t { kNone = 0, kDtype = 1, kShape = 2, kOffsets = 4, kAllFields = 7 };

  std::unexpected<Error> wrong(std::string_view what) const {
    return malformed(fmt::format("tensor {}: {}", detail::shown(name_), what));
  }
  /// What the format allows and Weft does not take.
  std::unexpected<Error> beyond(std::string_view what) const {
    return fail(Error(ErrorClass::kUnsupported, kOperation, fmt::format("tensor {}: {}", detail::shown(name_), what))
                    .with_hint("the file may be whole: Weft does not take this of it; a later version may"));
  }
  Result<void> misplaced(std::string_view what) const;
  Result<void> on_top_key(std::string& key);
  Result<void> on_field(std::string_view key);
  Result<void> finish_tensor();

  std::uint64_t data_offset_, data_bytes_;
  Place place_ = Place::kStart;
  std::unordered_set<std::string> names_;  // every key of the top level
  std::string name_;                       // the top level's current key
  std::string metadata_key_;
  std::uint8_t fields_ = kNone;  // of the current tensor, seen so far
  Field field_ = kNone;          // the one whose value comes next
  DType dtype_{};
  Shape shape_;
  std::array<std::uint64_t, 2> offsets_{};
  std::size_t offset_count_ = 0;
};

Result<void> HeaderListener::misplaced(std::string_view what) const {
  switch (place_) {
    case Place::kTop:
      return wrong(fmt::format("{} in place of an object", what));
    case Place::kMetadata:
      return malformed(fmt::format("__metadata__: {} is {} and not text", detail::shown(metadata_key_), what));
    case Place::kTensor: {
      const std::string_view field = field_ == kDtype ? "dtype" : field_ == kShape ? "shape" : "data_offsets";
      return wrong(fmt::format("{} in place of its {}", what, field));
    }
    case Place::kShape:
      return wrong(fmt::format("{} in its shape", what));
    case Place::kOffsets:
      return wrong(fmt::format("{} in its data_offsets", what));
    default:
      return malformed(fmt::format("{} in place of an object", what));
  }
}

Result<void> HeaderListener::on_begin(bool object) {
  if (object && place_ == Place::kStart) {
    place_ = Place::kTop;
  } else if (object && place_ == Place::kTop) {
    place_ = name_ == "__metadata__" ? Place::kMetadata : Place::kTensor;
    fields_ = field_ = kNone;
  } else if (!object && place_ == Place::kTensor && field_ == kShape) {
    place_ = Place::kShape;
    shape_ = {};
  } else if (!object && place_ == Place::kTensor && field_ == kOffsets) {
    place_ = Place::kOffsets;
    offset_count_ = 0;
  } else {
    return misplaced(object ? "an object" : "an array");
  }
  return {};
}

Result<void> HeaderListener::on_end() {
  switch (place_) {
    case Place::kShape:
      place_ = Place::kTensor;
      return {};
    case Place::kOffsets:
      place_ = Place::kTensor;
      return offset_count_ == 2 ? Result<void>{} : wrong("its data_offsets are not two numbers");
    case Place::kTensor:
      place_ = Place::kTop;
      return finish_tensor();
    case Place::kMetadata:
      place_ = Place::kTop;
      return {};
    default:
      place_ = Place::kEnd;
      return {};
  }
}

Result<void> HeaderListener::on_key(std::string& key) {
  if (place_ == Place::kTop) return on_top_key(key);
  if (place_ == Place::kTensor) return on_field(key);
  metadata_key_ = std::move(key);
  if (metadata.contains(metadata_key_))
    return malformed(fmt::format("__metadata__: {} stands there twice", detail::shown(metadata_key_)));
  return {};
}

Result<void> HeaderListener::on_top_key(std::string& key) {
  name_ = std::move(key);
  if (name_.size() > kMaxNameBytes) return beyond(fmt::format("its name is longer than {} bytes", kMaxNameBytes));
  if (!is_clean_utf8(name_)) return wrong("its name is not UTF-8 without NUL");
  if (!names_.insert(name_).second) return wrong("it stands there twice");
  return {};
}

Result<void> HeaderListener::on_field(std::string_view key) {
  field_ = key == "dtype" ? kDtype : key == "shape" ? kShape : key == "data_offsets" ? kOffsets : kNone;
  if (field_ == kNone) return wrong(fmt::format("a field {} that the format does not have", detail::shown(key)));
  if ((fields_ & field_) != 0) return wrong(fmt::format("its {} stands there twice", key));
  fields_ |= field_;
  return {};
}

Result<void> HeaderListener::on_text(std::string& text) {
  if (place_ == Place::kMetadata) {
    metadata.emplace(std::move(metadata_key_), std::move(text));
    return {};
  }
  if (place_ != Place::kTensor || field_ != kDtype) return misplaced("text");
  const auto known = parse_safetensors_dtype(text);
  if (!known) return beyond(fmt::format("the dtype {} is not known", detail::shown(text)));
  dtype_ = *known;
  return {};
}

Result<void> HeaderListener::on_count(std::uint64_t count) {
  if (place_ == Place::kShape) {
    if (count > std::numeric_limits<std::int64_t>::max()) return wrong(fmt::format("an axis of {}", count));
    if (shape_.rank() == kMaxRank) return beyond(fmt::format("more than {} axes", kMaxRank));
    shape_.append(static_cast<std::int64_t>(count));
    return {};
  }
  if (place_ != Place::kOffsets) return misplaced("a number");
  if (offset_count_ == 2) return wrong("its data_offsets are not two numbers");
  offsets_[offset_count_++] = count;
  return {};
}

Result<void> HeaderListener::finish_tensor() {
  if ((fields_ & kDtype) == 0) return wrong("it has no dtype");
  if ((fields_ & kShape) == 0) return wrong("it has no shape");
  if ((fields_ & kOffsets) == 0) return wrong("it has no data_offsets");
  const auto [begin, end] = offsets_;
  if (begin > end || end > data_bytes_)
    return wrong(fmt::format("its data_offsets [{}, {}] do not lie in the {} bytes of data", begin, end, data_bytes_));
  TensorMeta meta{.dtype = dtype_, .shape = std::move(shape_)};
  const auto bytes = meta.byte_size();
  if (!bytes) return wrong(bytes.error().message());
  if (bits(dtype_) < 8 && *meta.shape.element_count() % 2 != 0) return wrong("an odd number of 4-bit elements");
  if (*bytes != end - begin)
    return wrong(fmt::format("{} of {} takes {} bytes, its data_offsets [{}, {}] hold {}", meta.shape.to_string(),
                             safetensors_name(dtype_), *bytes, begin, end, end - begin));
  entries.push_back({.name = name_, .meta = std::move(meta), .offset = data_offset_ + begin, .bytes = *bytes});
  return {};
}

// Every byte of the data belongs to exactly one tensor.
Result<void> check_coverage(std::span<const SafetensorsEntry> entries, std::uint64_t data_offset,
                            std::uint64_t file_bytes) {
  std::uint64_t expected = data_offset;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.offset != expected)
      return malformed(fmt::format("tensor {}: it starts at byte {} of the data, {} than the one before ends",
                                   detail::shown(entry.name), entry.offset - data_offset,
                                   entry.offset < expected ? "earlier" : "later"));
    expected += entry.bytes;
  }
  if (expected != file_bytes)
    return malformed(fmt::format("the tensors take {} bytes of data, the file has {}", expected - data_offset,
                                 file_bytes - data_offset));
  return {};
}

}  // namespace

Result<std::uint64_t> SafetensorsHeader::measure(std::span<const std::byte> prefix, std::uint64_t file_bytes) {
  if (prefix.size() < kLengthBytes || file_bytes < kLengthBytes)
    return malformed("shorter than a header's length field");
  std::uint64_t length = 0;
  for (std::size_t at = kLengthBytes; at-- > 0;) length = length << 8 | std::to_integer<std::uint64_t>(prefix[at]);
  if (length > kMaxSafetensorsHeaderBytes)
    return malformed(fmt::format("a header of {} bytes is over the limit of {}", length, kMaxSafetensorsHeaderBytes));
  if (length > file_bytes - kLengthBytes)
    return malformed(fmt::format("a header of {} bytes does not fit the file's {}: truncated?", length, file_bytes));
  return kLengthBytes + length;
}

Result<SafetensorsHeader> SafetensorsHeader::parse(std::span<const std::byte> prefix, std::uint64_t file_bytes) {
  SafetensorsHeader header;
  WEFT_LET(header.data_offset_, measure(prefix, file_bytes));
  if (prefix.size() < header.data_offset_)
    return malformed(fmt::format("{} bytes of a header of {}: truncated?", prefix.size(), header.data_offset_));
  const auto text = prefix.subspan(kLengthBytes, header.data_offset_ - kLengthBytes);
  if (text.empty() || text.front() != std::byte{'{'}) return malformed("the header does not begin with {");
  HeaderListener listener{header.data_offset_, file_bytes - header.data_offset_};
  WEFT_TRY(detail::read_json(text, listener, kOperation));
  header.entries_ = std::move(listener.entries);
  header.metadata_ = std::move(listener.metadata);
  // Tensors without bytes share their offset with the next one and go before it.
  std::ranges::sort(header.entries_, {}, [](const SafetensorsEntry& entry) {
    return std::tuple<std::uint64_t, std::uint64_t, std::string_view>{entry.offset, entry.bytes, entry.name};
  });
  WEFT_TRY(check_coverage(header.entries_, header.data_offset_, file_bytes));
  header.by_name_.resize(header.entries_.size());
  std::iota(header.by_name_.begin(), header.by_name_.end(), 0u);
  std::ranges::sort(header.by_name_, {},
                    [&](std::uint32_t at) -> const std::string& { return header.entries_[at].name; });
  return header;
}

const SafetensorsEntry* SafetensorsHeader::find(std::string_view name) const noexcept {
  const auto name_of = [&](std::uint32_t at) -> std::string_view { return entries_[at].name; };
  const auto found = std::ranges::lower_bound(by_name_, name, {}, name_of);
  return found != by_name_.end() && name_of(*found) == name ? &entries_[*found] : nullptr;
}

}  // namespace weft
