#include <weft/memory/buffer.hpp>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdint>

using namespace weft;
using namespace weft::memory;

TEST_CASE("buffer: at least what was asked for, zeroed, and aligned to huge pages from their size up", "[memory]") {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{4096}, kHugePageBytes - 1, kHugePageBytes,
                                  kHugePageBytes + 1, 3 * kHugePageBytes}) {
    auto buffer = Buffer::allocate(bytes);
    REQUIRE(buffer);
    CHECK(buffer->size() >= bytes);
    CHECK(buffer->size() < bytes + 64 * 1024);
    if (bytes >= kHugePageBytes) CHECK(reinterpret_cast<std::uintptr_t>(buffer->data()) % kHugePageBytes == 0);
    REQUIRE(buffer->populate());
    CHECK(std::ranges::all_of(buffer->bytes(), [](std::byte value) { return value == std::byte{0}; }));
    std::ranges::fill(buffer->bytes(), std::byte{1});
  }
}

TEST_CASE("buffer: what cannot be had is an error", "[memory]") {
  CHECK(Buffer::allocate(0).error().kind() == ErrorClass::kInvalidArgument);
  CHECK(Buffer::allocate(SIZE_MAX).error().kind() == ErrorClass::kResourceExhausted);
  CHECK(Buffer::allocate(std::size_t{1} << 60).error().kind() == ErrorClass::kResourceExhausted);
}

TEST_CASE("buffer: a moved-from buffer is empty", "[memory]") {
  auto buffer = Buffer::allocate(100);
  REQUIRE(buffer);
  const Buffer moved = std::move(*buffer);
  CHECK(moved.size() >= 100);
  CHECK(buffer->size() == 0);
  CHECK(buffer->data() == nullptr);
}
