#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <tests/nodes/nodes.hpp>

/// Rings of grains in memory of the test's, and grains whose bytes follow from their index.
namespace weft::test {

/// A ring of grains in one allocation.
struct Memory {
  Memory(std::size_t grains, std::size_t bytes) : all(grains * bytes) {
    for (std::size_t i = 0; i < grains; ++i) slots.push_back(std::span(all).subspan(i * bytes, bytes));
  }
  std::vector<std::byte> all;
  std::vector<std::span<std::byte>> slots;
};

inline std::vector<std::byte> content(std::uint64_t index, std::size_t bytes) {
  std::vector<std::byte> made(bytes);
  for (std::size_t i = 0; i < bytes; ++i) made[i] = static_cast<std::byte>((index * 131 + i * 7) >> 1);
  return made;
}

inline TargetOptions ring(const Memory& memory, std::string name = "grains") {
  return {.name = std::move(name), .slots = memory.slots};
}

inline std::size_t send(Initiator& initiator, std::uint64_t index, const std::vector<std::byte>& bytes,
                        SendOptions options = {}) {
  const std::span<const std::byte> part(bytes);
  const auto sent = initiator.send(index, std::span(&part, 1), options);
  INFO((sent ? std::string() : sent.error().to_string()));
  REQUIRE(sent.has_value());
  return *sent;
}

inline bool equal(std::span<const std::byte> left, const std::vector<std::byte>& right) {
  return std::ranges::equal(left, right);
}

inline void expect_arrived(Initiator& initiator, std::uint64_t index) {
  const auto result = initiator.wait_result(std::chrono::seconds(20));
  REQUIRE(result.has_value());
  INFO((result->result ? std::string() : result->result.error().to_string()));
  CHECK(result->result.has_value());
  CHECK(result->index == index);
}

}  // namespace weft::test
