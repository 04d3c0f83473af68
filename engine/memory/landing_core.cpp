#include <weft/memory/landing_core.hpp>

#include <algorithm>
#include <bit>
#include <cstring>

#include <weft/base/checked.hpp>
#include <weft/base/limits.hpp>
#include <weft/memory/landing_pool.hpp>

#if defined(__SANITIZE_ADDRESS__)
#define WEFT_FORBID_IDLE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_FORBID_IDLE 1
#endif
#endif
#ifdef WEFT_FORBID_IDLE
#include <sanitizer/asan_interface.h>
#endif

namespace weft::memory::detail {
namespace {

constexpr std::size_t kSmallestBits = 16;
static_assert(LandingPool::kSmallestBytes == std::size_t{1} << kSmallestBits);

/// What is read after its lease ended is not what it was.
void poison([[maybe_unused]] LandingBlock& block) noexcept {
#ifndef __OPTIMIZE__  // not NDEBUG: release builds keep their assertions
  std::memset(block.data, 0xDB, block.size);
#endif
#ifdef WEFT_FORBID_IDLE
  __asan_poison_memory_region(block.data, block.size);
#endif
}

void allow([[maybe_unused]] std::byte* data, [[maybe_unused]] std::size_t size) noexcept {
#ifdef WEFT_FORBID_IDLE
  __asan_unpoison_memory_region(data, size);
#endif
}

}  // namespace

std::optional<std::size_t> LandingCore::class_of(std::size_t bytes) noexcept {
  if (bytes == 0 || bytes > kMaxTensorBytes) return std::nullopt;
  const std::size_t size = bytes > kHugePageBytes ? round_up(bytes, kHugePageBytes) : bytes;
  if (size <= LandingPool::kSmallestBytes) return 0;
  const auto bits = static_cast<std::size_t>(std::bit_width(size)) - 1;
  const std::size_t quarter = std::size_t{1} << (bits - 2);
  const std::size_t quarters = (size - (std::size_t{1} << bits) + quarter - 1) / quarter;  // 0 … 4, 4 is the next power
  return 4 * (bits - kSmallestBits) + quarters;
}

std::size_t LandingCore::class_bytes(std::size_t size_class) noexcept {
  const std::size_t power = LandingPool::kSmallestBytes << (size_class / 4);
  const std::size_t size = power + power / 4 * (size_class % 4);
  return size > kHugePageBytes ? round_up(size, kHugePageBytes) : size;
}

std::size_t LandingCore::slab_bytes(std::size_t size_class) noexcept {
  return std::max(class_bytes(size_class), kHugePageBytes);
}

LandingCore::~LandingCore() {
  collect();
  for (LandingSlab* slab = slabs_; slab != nullptr;) {
    LandingSlab* next = slab->next;
    allow(slab->memory.data(), slab->memory.size());
    delete slab;
    slab = next;
  }
}

bool LandingCore::reserve(std::uint64_t bytes, std::uint64_t max_bytes) noexcept {
  std::uint64_t live = live_bytes();
  do {
    if (!within<std::uint64_t>(live, bytes, max_bytes)) return false;
  } while (!live_bytes_.compare_exchange_weak(live, live + bytes, std::memory_order_relaxed));
  return true;
}

void LandingCore::give_back(LandingBlock* block) noexcept {
  poison(*block);
  block->next = returned_.load(std::memory_order_relaxed);
  // Pairs with the acquire in collect: the owner sees the block's bytes and links as they were left here.
  while (!returned_.compare_exchange_weak(block->next, block, std::memory_order_release, std::memory_order_relaxed)) {}
}

void LandingCore::hand_over(std::unique_ptr<LandingSlab> slab) noexcept {
  LandingSlab* added = slab.release();
  added->next = grown_.load(std::memory_order_relaxed);
  // Pairs with the acquire in collect.
  while (!grown_.compare_exchange_weak(added->next, added, std::memory_order_release, std::memory_order_relaxed)) {}
}

void LandingCore::collect() noexcept {
  if (grown_.load(std::memory_order_relaxed) == nullptr && returned_.load(std::memory_order_relaxed) == nullptr) return;
  ++turn_;
  // Blocks first: a slab is handed over before its first block is leased, so its blocks cannot come before it.
  // Pairs with the release in give_back.
  LandingBlock* returned = returned_.exchange(nullptr, std::memory_order_acquire);
  // Pairs with the release in hand_over.
  for (LandingSlab* slab = grown_.exchange(nullptr, std::memory_order_acquire); slab != nullptr;) {
    LandingSlab* next = slab->next;
    slab->next = slabs_;
    slab->previous = nullptr;
    if (slabs_ != nullptr) slabs_->previous = slab;
    slabs_ = slab;
    for (std::size_t i = 1; i < slab->blocks.size(); ++i) make_idle(slab->blocks[i]);
    slab = next;
  }
  LandingBlock* in_order = nullptr;  // what came back last is to be taken first
  while (returned != nullptr) {
    LandingBlock* next = returned->next;
    returned->next = in_order;
    in_order = returned;
    returned = next;
  }
  while (in_order != nullptr) {
    LandingBlock* next = in_order->next;
    make_idle(*in_order);
    in_order = next;
  }
}

void LandingCore::make_idle(LandingBlock& block) noexcept {
  LandingBlock*& first = idle_[block.slab->size_class];
  block.previous = nullptr;
  block.next = first;
  if (first != nullptr) first->previous = &block;
  first = &block;
  ++block.slab->idle_blocks;
  block.slab->idle_since = turn_;
  idle_bytes_ += block.size;
}

void LandingCore::unlink_idle(LandingBlock& block) noexcept {
  (block.previous != nullptr ? block.previous->next : idle_[block.slab->size_class]) = block.next;
  if (block.next != nullptr) block.next->previous = block.previous;
  --block.slab->idle_blocks;
  idle_bytes_ -= block.size;
}

LandingBlock* LandingCore::take(std::size_t size_class) noexcept {
  for (std::size_t each = size_class; each < kClasses && each <= size_class + 4; ++each) {  // twice the size at most
    if (LandingBlock* block = idle_[each]) {
      unlink_idle(*block);
      allow(block->data, block->size);
      return block;
    }
  }
  return nullptr;
}

Buffer LandingCore::evict() noexcept {
  LandingSlab* oldest = nullptr;
  for (LandingSlab* slab = slabs_; slab != nullptr; slab = slab->next) {
    if (slab->idle_blocks == slab->blocks.size() && (oldest == nullptr || slab->idle_since < oldest->idle_since))
      oldest = slab;
  }
  if (oldest == nullptr) return {};
  for (LandingBlock& block : oldest->blocks) unlink_idle(block);
  (oldest->previous != nullptr ? oldest->previous->next : slabs_) = oldest->next;
  if (oldest->next != nullptr) oldest->next->previous = oldest->previous;
  allow(oldest->memory.data(), oldest->memory.size());
  Buffer memory = std::move(oldest->memory);
  unreserve(memory.size());
  delete oldest;
  return memory;
}

}  // namespace weft::memory::detail
