#include <cstdint>

#include <fmt/format.h>

#include <weft/nodes/cli/file_name.hpp>

namespace weft::cli {
namespace {

constexpr std::size_t kMostBytes = 200;

bool is_kept(char c, bool first) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_') return true;
  return !first && (c == '.' || c == '-');
}

// FNV-1a. Nothing rests on it: whoever writes files checks that a name is free.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash;
}

}  // namespace

std::string safe_file_name(std::string_view name) {
  if (name.empty()) return "%";
  std::string safe;
  for (const char c : name) {
    if (is_kept(c, safe.empty()))
      safe += c;
    else
      safe += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  if (safe.size() <= kMostBytes) return safe;
  const auto suffix = fmt::format("%-{:016x}", hash_of(name));
  return safe.substr(0, kMostBytes - suffix.size()) + suffix;
}

}  // namespace weft::cli
