#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace weft::test {

/// Bytes that follow from a seed and differ at every offset, so that a shifted or mixed copy is seen. `at` is a
/// multiple of eight.
inline void fill_noise(std::span<std::byte> into, std::uint64_t seed, std::uint64_t at = 0) {
  constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15ull;
  std::uint64_t state = seed * kStep + 1 + at / 8 * kStep;
  for (std::size_t i = 0; i < into.size(); i += 8) {
    state += kStep;
    std::uint64_t word = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9ull;
    word ^= word >> 27;
    std::memcpy(into.data() + i, &word, std::min<std::size_t>(8, into.size() - i));
  }
}

inline std::vector<std::byte> noise(std::size_t bytes, std::uint64_t seed) {
  std::vector<std::byte> made(bytes);
  fill_noise(made, seed);
  return made;
}

/// Whether they are noise(bytes.size(), seed), without a second copy of them.
inline bool is_noise(std::span<const std::byte> bytes, std::uint64_t seed) {
  std::vector<std::byte> expected(std::size_t{64} * 1024);
  for (std::size_t at = 0; at < bytes.size(); at += expected.size()) {
    const std::size_t here = std::min(expected.size(), bytes.size() - at);
    fill_noise({expected.data(), here}, seed, at);
    if (std::memcmp(bytes.data() + at, expected.data(), here) != 0) return false;
  }
  return true;
}

}  // namespace weft::test
