#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace weft::test {

/// Bytes that follow from a seed and differ at every offset, so that a shifted or mixed copy is seen.
inline std::vector<std::byte> noise(std::size_t bytes, std::uint64_t seed) {
  std::vector<std::byte> made(bytes);
  std::uint64_t state = seed * 0x9E3779B97F4A7C15ull + 1;
  for (std::size_t at = 0; at < bytes; at += 8) {
    state += 0x9E3779B97F4A7C15ull;
    std::uint64_t word = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9ull;
    word ^= word >> 27;
    std::memcpy(made.data() + at, &word, std::min<std::size_t>(8, bytes - at));
  }
  return made;
}

}  // namespace weft::test
