#include <fmt/format.h>

#include <charconv>
#include <optional>

#include <weft/tensor/slice.hpp>

namespace weft {
namespace {

constexpr const char* kOperation = "slice";
constexpr const char* kSyntax = "write start:stop:step for each leading axis, as in \"0:128, :, 3:4\"";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const auto first = text.find_first_not_of(kBlank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::unexpected<Error> unreadable(std::string message) {
  return fail(Error{ErrorClass::kInvalidArgument, kOperation, std::move(message)}.with_hint(kSyntax));
}

std::unexpected<Error> bad_step(std::int64_t step) {
  return fail(Error{ErrorClass::kInvalidArgument, kOperation, fmt::format("a step of {}", step)}.with_hint(
      "steps are 1 or more; reverse the tensor where it is used"));
}

Result<std::int64_t> parse_number(std::string_view text, std::size_t position) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range)
    return unreadable(fmt::format("the number in range {} is too large", position));
  if (error != std::errc{} || end != text.data() + text.size())
    return unreadable(fmt::format("range {} is not of numbers", position));
  return value;
}

// An empty field keeps what the range has there already.
Result<void> parse_field(std::string_view text, std::size_t position, std::int64_t& field) {
  if (text.empty()) return {};
  WEFT_LET(field, parse_number(text, position));
  return {};
}

Result<Range> parse_range(std::string_view text, std::size_t position) {
  text = trimmed(text);
  if (text.empty()) return unreadable(fmt::format("range {} is empty", position));
  Range range;
  const auto colon = text.find(':');
  if (colon == text.npos) {
    WEFT_TRY(parse_field(text, position, range.start));
    if (range.start == kEnd) return unreadable(fmt::format("the number in range {} is too large", position));
    range.stop = range.start == -1 ? kEnd : range.start + 1;  // the last one has no index after it
    return range;
  }
  WEFT_TRY(parse_field(trimmed(text.substr(0, colon)), position, range.start));
  text.remove_prefix(colon + 1);
  const auto second = text.find(':');
  WEFT_TRY(parse_field(trimmed(text.substr(0, second)), position, range.stop));
  if (second != text.npos) WEFT_TRY(parse_field(trimmed(text.substr(second + 1)), position, range.step));
  if (range.step < 1) return bad_step(range.step);
  return range;
}

std::string text_of(const Range& range) {
  std::string text;
  if (range.start != 0 || range.stop != kEnd) text += std::to_string(range.start);
  text += ':';
  if (range.stop != kEnd) text += std::to_string(range.stop);
  if (range.step != 1) text += ':' + std::to_string(range.step);
  return text;
}

std::int64_t clamped(std::int64_t index, std::int64_t extent) {
  if (index < 0) index += extent;
  return index < 0 ? 0 : (index > extent ? extent : index);
}

}  // namespace

Slice Slice::of(std::span<const Range> ranges) {
  Slice slice;
  slice.ranges_.assign(ranges.begin(), ranges.end());
  return slice;
}

Result<Slice> Slice::parse(std::string_view text) {
  Slice slice;
  if (trimmed(text).empty()) return slice;
  while (true) {
    if (slice.ranges_.size() == kMaxRank) return unreadable(fmt::format("more than {} ranges", kMaxRank));
    const auto comma = text.find(',');
    WEFT_LET(const Range range, parse_range(text.substr(0, comma), slice.ranges_.size()));
    slice.ranges_.push_back(range);
    if (comma == text.npos) return slice;
    text.remove_prefix(comma + 1);
  }
}

std::string Slice::to_string() const {
  std::string text;
  for (const Range& range : ranges_) {
    if (!text.empty()) text += ", ";
    text += text_of(range);
  }
  return text;
}

Result<std::vector<Slice::Axis>> Slice::resolve(const Shape& shape) const {
  if (ranges_.size() > shape.rank())
    return fail(Error{ErrorClass::kInvalidArgument, kOperation,
                      fmt::format("{} ranges for the {} axes of {}", ranges_.size(), shape.rank(), shape.to_string())}
                    .with_hint("give at most one range for each axis"));
  std::vector<Axis> axes;
  axes.reserve(shape.rank());
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    const Range range = axis < ranges_.size() ? ranges_[axis] : all;
    const std::int64_t extent = shape[axis];
    if (extent < 0)
      return fail(ErrorClass::kInvalidArgument, kOperation, fmt::format("{} has a negative axis", shape.to_string()));
    if (range.step < 1) return bad_step(range.step);
    const std::int64_t start = clamped(range.start, extent), stop = clamped(range.stop, extent);
    if (start >= stop) {
      axes.push_back({});
      continue;
    }
    const std::int64_t count = (stop - start - 1) / range.step + 1;
    axes.push_back({.start = start, .count = count, .step = count > 1 ? range.step : 1});
  }
  return axes;
}

}  // namespace weft
