#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

/// Counts what a program takes from the heap: it replaces operator new, hence one file of a program includes it. Where
/// a sanitizer has the heap, such a file is not built.
namespace weft::test {

inline std::atomic<std::size_t> allocations{0};

}  // namespace weft::test

[[gnu::noinline]] void* operator new(std::size_t size) {
  weft::test::allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc{};
}
// Not inlined: g++ takes the pair of a hooked new and free for a mismatch.
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
