#pragma once

// Private to engine/memory: what a LandingPool shares with its leases.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <weft/memory/buffer.hpp>

namespace weft::memory::detail {

struct LandingSlab;

/// A part of a slab that is leased as one. In one list at a time: returned (any thread pushes) or idle (the owner's).
struct LandingBlock {
  std::byte* data = nullptr;
  std::size_t size = 0;
  LandingSlab* slab = nullptr;
  LandingBlock* next = nullptr;
  LandingBlock* previous = nullptr;  // in the idle list
};

/// One mapping cut into blocks of one size class.
struct LandingSlab {
  Buffer memory;
  std::size_t size_class = 0;
  std::vector<LandingBlock> blocks;
  std::size_t idle_blocks = 0;
  LandingSlab* next = nullptr;      // of the grown slabs (any thread pushes), then of all
  LandingSlab* previous = nullptr;  // of all
  std::uint64_t idle_since = 0;     // turn at which the last block came back
};

/// Everything mapped belongs to it; it lives as long as the pool or a lease. Members without `any thread` are the
/// owner's: the pool's loop, and after the pool whoever drops the last lease.
class LandingCore {
 public:
  ~LandingCore();

  /// Sizes are 64 KiB × {1, 5/4, 6/4, 7/4} × 2ⁿ, from 2 MiB up whole huge pages: a quarter is wasted at most, half a
  /// huge page more.
  static std::optional<std::size_t> class_of(std::size_t bytes) noexcept;
  static std::size_t class_bytes(std::size_t size_class) noexcept;
  static std::size_t slab_bytes(std::size_t size_class) noexcept;

  /// Any thread: counts the bytes as live when they fit.
  bool reserve(std::uint64_t bytes, std::uint64_t max_bytes) noexcept;
  void unreserve(std::uint64_t bytes) noexcept { live_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
  std::uint64_t live_bytes() const noexcept { return live_bytes_.load(std::memory_order_relaxed); }

  /// Any thread: hands a block, or a slab whose first block is leased already, to the owner.
  void give_back(LandingBlock* block) noexcept;
  void hand_over(std::unique_ptr<LandingSlab> slab) noexcept;

  void collect() noexcept;
  LandingBlock* take(std::size_t size_class) noexcept;
  std::uint64_t idle_bytes() const noexcept { return idle_bytes_; }
  /// Removes the wholly idle slab that was idle for longest; an empty buffer when there is none.
  Buffer evict() noexcept;

 private:
  static constexpr std::size_t kClasses = 4 * 33;  // to 2^48 bytes

  void make_idle(LandingBlock& block) noexcept;
  void unlink_idle(LandingBlock& block) noexcept;

  std::atomic<LandingBlock*> returned_{nullptr};
  std::atomic<LandingSlab*> grown_{nullptr};
  std::atomic<std::uint64_t> live_bytes_{0};
  std::array<LandingBlock*, kClasses> idle_{};
  LandingSlab* slabs_ = nullptr;
  std::uint64_t idle_bytes_ = 0;
  std::uint64_t turn_ = 0;
};

}  // namespace weft::memory::detail
