#include <weft/base/text.hpp>

#include <algorithm>
#include <array>
#include <numeric>

#include <fmt/format.h>

namespace weft {
namespace {

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase32 = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::uint8_t kNotADigit = 0xFF;

constexpr std::array<std::uint8_t, 256> digits_of(std::string_view alphabet, bool either_case) {
  std::array<std::uint8_t, 256> table{};
  table.fill(kNotADigit);
  for (std::size_t value = 0; value < alphabet.size(); ++value) {
    const auto letter = static_cast<unsigned char>(alphabet[value]);
    table[letter] = static_cast<std::uint8_t>(value);
    if (either_case && letter >= 'a' && letter <= 'z') table[letter - 'a' + 'A'] = static_cast<std::uint8_t>(value);
  }
  return table;
}

constexpr auto kFromBase64 = digits_of(kBase64, false);
constexpr auto kFromBase32 = digits_of(kBase32, true);

std::string encode(std::span<const std::byte> bytes, std::string_view alphabet, unsigned bits) {
  std::string text;
  text.reserve((bytes.size() * 8 + bits - 1) / bits + 3);
  std::uint32_t pending = 0;
  unsigned held = 0;
  for (const auto byte : bytes) {
    pending = (pending << 8) | std::to_integer<std::uint32_t>(byte);
    for (held += 8; held >= bits; held -= bits) text += alphabet[(pending >> (held - bits)) & ((1u << bits) - 1)];
    pending &= (1u << held) - 1;
  }
  if (held > 0) text += alphabet[(pending << (bits - held)) & ((1u << bits) - 1)];
  return text;
}

// The digits must spell whole bytes with fewer than `bits` spare bits, all of them zero.
Result<std::vector<std::byte>> decode(std::string_view text, const std::array<std::uint8_t, 256>& digits, unsigned bits,
                                      const char* operation) {
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() * bits / 8);
  std::uint32_t pending = 0;
  unsigned held = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto digit = digits[static_cast<unsigned char>(text[at])];
    if (digit == kNotADigit)
      return fail(ErrorClass::kMalformed, operation, fmt::format("a character outside the alphabet at offset {}", at));
    pending = (pending << bits) | digit;
    held += bits;
    if (held >= 8) {
      held -= 8;
      bytes.push_back(static_cast<std::byte>(pending >> held));
      pending &= (1u << held) - 1;
    }
  }
  if (held >= bits)
    return fail(ErrorClass::kMalformed, operation, fmt::format("{} characters spell no whole bytes", text.size()));
  if (pending != 0)
    return fail(ErrorClass::kMalformed, operation, "the last character has bits that belong to no byte");
  return bytes;
}

// The length of the well-formed sequence at the front of `text`, or 0. Overlong forms, surrogates and what lies past
// U+10FFFF are not well-formed.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto at = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const auto follows = [&](std::size_t index, unsigned low = 0x80, unsigned high = 0xBF) {
    return index < text.size() && at(index) >= low && at(index) <= high;
  };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = first == 0xED ? 0x9F : 0xBF;
    return follows(1, low, high) && follows(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
    return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

// C0, DEL, and C1 (U+0080…U+009F), which terminals obey too.
bool is_control(std::string_view sequence) noexcept {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7F;
  return sequence.size() == 2 && first == 0xC2 && static_cast<unsigned char>(sequence[1]) < 0xA0;
}

// Two letters swapped count as one edit: that is how fingers err.
std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> before(right.size() + 1);  // the row two above, the row above, and this one
  std::vector<std::size_t> above(right.size() + 1);
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < left.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = i + 1;
    for (std::size_t j = 0; j < right.size(); ++j) {
      const auto changed = above[j] + (left[i] == right[j] ? 0 : 1);
      row[j + 1] = std::min({changed, row[j] + 1, above[j + 1] + 1});
      if (i > 0 && j > 0 && left[i] == right[j - 1] && left[i - 1] == right[j])
        row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
    }
  }
  return row.back();
}

}  // namespace

std::string to_base64(std::span<const std::byte> bytes) {
  auto text = encode(bytes, kBase64, 6);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

Result<std::vector<std::byte>> from_base64(std::string_view text) {
  if (text.size() % 4 != 0)
    return fail(ErrorClass::kMalformed, "base64",
                fmt::format("{} characters, which is no multiple of four", text.size()));
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  return decode(text, kFromBase64, 6, "base64");
}

std::string to_base32(std::span<const std::byte> bytes) { return encode(bytes, kBase32, 5); }

Result<std::vector<std::byte>> from_base32(std::string_view text) { return decode(text, kFromBase32, 5, "base32"); }

std::string to_hex(std::span<const std::byte> bytes) { return encode(bytes, kHex, 4); }

bool is_clean_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto length = sequence_length(text);
    if (length == 0 || text[0] == '\0') return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string escaped(std::string_view text) {
  std::string printable;
  printable.reserve(text.size());
  while (!text.empty()) {
    const auto length = sequence_length(text);
    const auto part = text.substr(0, std::max<std::size_t>(length, 1));
    if (length == 0 || is_control(part)) {
      for (const char c : part) printable += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      printable += part;
    }
    text.remove_prefix(part.size());
  }
  return printable;
}

// Only the last star is ever reconsidered: an earlier one could gain nothing by taking more.
bool glob_match(std::string_view pattern, std::string_view name) noexcept {
  constexpr auto kNoStar = std::string_view::npos;
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = kNoStar;
  std::size_t taken = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != kNoStar) {
      p = star + 1;
      n = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == kNoStar;
}

std::string_view nearest(std::string_view word, std::span<const std::string> candidates) {
  const auto tolerated = std::max<std::size_t>(1, word.size() / 3);
  auto best = tolerated + 1;
  std::string_view found;
  for (const auto& candidate : candidates) {
    const auto apart = candidate.size() > word.size() ? candidate.size() - word.size() : word.size() - candidate.size();
    if (apart >= best) continue;  // it is at least that far, and a long word is not worth its product
    if (const auto distance = edit_distance(word, candidate); distance < best) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  static constexpr std::array<std::string_view, 6> kUnits{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1023.95 && unit + 1 < kUnits.size(); ++unit) value /= 1024;  // 1024.0 KiB is 1.0 MiB
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string human_rate(double bytes_per_second) {
  if (!(bytes_per_second >= 1000)) return fmt::format("{:.0f} B/s", bytes_per_second > 0 ? bytes_per_second : 0.0);
  static constexpr std::array<std::string_view, 5> kUnits{"kB/s", "MB/s", "GB/s", "TB/s", "PB/s"};
  auto value = bytes_per_second / 1000;
  std::size_t unit = 0;
  for (; value >= 999.95 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace weft
