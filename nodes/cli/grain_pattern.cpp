#include <cstring>

#include <weft/nodes/cli/grain_pattern.hpp>
#include <weft/wire/digest.hpp>

namespace weft::cli {
namespace {

constexpr std::size_t kDigest = sizeof(std::uint64_t);
constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15u;

std::byte byte_of(std::uint64_t index, std::size_t at) {
  return static_cast<std::byte>(((index + 1) * kStep + at * 0x2545F491u) >> 24);
}

}  // namespace

void fill_grain(std::uint64_t index, std::span<std::byte> grain) noexcept {
  for (std::size_t at = 0; at < grain.size(); ++at) grain[at] = byte_of(index, at);
  if (grain.size() < 2 * kDigest) return;
  const std::uint64_t digest = wire::leaf_of(grain.subspan(kDigest));
  std::memcpy(grain.data(), &digest, kDigest);
}

bool is_grain(std::uint64_t index, std::span<const std::byte> grain) noexcept {
  if (grain.size() < 2 * kDigest) {
    for (std::size_t at = 0; at < grain.size(); ++at)
      if (grain[at] != byte_of(index, at)) return false;
    return true;
  }
  std::uint64_t digest = 0;
  std::memcpy(&digest, grain.data(), kDigest);
  return grain[kDigest] == byte_of(index, kDigest) && digest == wire::leaf_of(grain.subspan(kDigest));
}

}  // namespace weft::cli
