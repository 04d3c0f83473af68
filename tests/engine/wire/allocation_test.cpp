#include <weft/wire/codec.hpp>

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#include "tests/engine/wire/random_message.hpp"
#include "tests/engine/wire/samples.hpp"

namespace {
std::atomic<std::size_t> allocations = 0;

void* counted(std::size_t size) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}
}  // namespace

// The whole program's: Catch2 allocates as well, so only differences across calls of ours mean anything.
void* operator new(std::size_t size) {
  if (void* memory = counted(size)) return memory;
  throw std::bad_alloc{};
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

namespace weft::wire::test {
namespace {

TEST_CASE("codec: the counter of allocations counts", "[wire]") {
  const std::size_t before = allocations;
  Encoder encoder;
  REQUIRE(encoder.encode(Ping{}).has_value());
  CHECK(allocations > before);
}

TEST_CASE("codec: nothing is allocated for messages up to the size seen so far", "[wire]") {
  RandomMessages random{4};
  Encoder encoder;
  Decoder decoder;
  const std::vector<std::uint64_t> leaves(20000);
  const auto largest = encoder.encode(Digests{.leaves = leaves});
  REQUIRE(largest.has_value());
  {
    // Once where Cap'n Proto reads it directly, once where it is copied to be aligned.
    std::vector<std::byte> memory(largest->size() + 1);
    std::copy(largest->begin(), largest->end(), memory.begin());
    REQUIRE(decoder.decode(std::span{memory}.first(largest->size())).has_value());
    std::copy(largest->begin(), largest->end(), memory.begin() + 1);
    REQUIRE(decoder.decode(std::span{memory}.subspan(1)).has_value());
  }
  std::vector<std::byte> frame;
  frame.reserve(largest->size() + 1);
  for (int i = 0; i < 2000; ++i) {
    CAPTURE(i);
    random.forget();
    const Message message = random.make(static_cast<std::size_t>(i) % std::variant_size_v<Message>, 20);
    const std::size_t before = allocations;
    const auto head = encoder.encode(message);
    const std::size_t after_encode = allocations;
    REQUIRE(head.has_value());
    frame.assign(static_cast<std::size_t>(i % 2), std::byte{0});
    frame.insert(frame.end(), head->begin(), head->end());
    const auto copied = std::span<const std::byte>{frame}.subspan(static_cast<std::size_t>(i % 2));
    const std::size_t before_decode = allocations;
    const auto decoded = decoder.decode(copied);
    const std::size_t after_decode = allocations;
    REQUIRE(decoded.has_value());
    CHECK(after_encode == before);
    CHECK(after_decode == before_decode);
  }
}

}  // namespace
}  // namespace weft::wire::test
