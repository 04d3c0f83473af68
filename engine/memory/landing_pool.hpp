#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <weft/base/result.hpp>
#include <weft/memory/buffer.hpp>

namespace weft::memory {

namespace detail {
struct LandingBlock;
class LandingCore;
}  // namespace detail

/// A lease on memory of a LandingPool, aligned to a page. Move-only. May be dropped on any thread, also after its
/// pool: it returns through a list without a lock. Its bytes are what the last owner left, or zero.
class Landing {
 public:
  Landing() = default;
  Landing(Landing&& other) noexcept
      : core_(std::move(other.core_)),
        block_(std::exchange(other.block_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  Landing& operator=(Landing&& other) noexcept {
    if (this != &other) {
      reset();
      core_ = std::move(other.core_);
      block_ = std::exchange(other.block_, nullptr);
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }
  ~Landing() { reset(); }

  std::byte* data() const noexcept;
  /// What was asked for.
  std::size_t size() const noexcept { return size_; }
  std::span<std::byte> bytes() const noexcept { return {data(), size()}; }
  explicit operator bool() const noexcept { return block_ != nullptr; }
  void reset() noexcept;

 private:
  friend class LandingPool;
  friend class detail::LandingCore;
  Landing(std::shared_ptr<detail::LandingCore> core, detail::LandingBlock* block, std::size_t size) noexcept
      : core_(std::move(core)), block_(block), size_(size) {}

  std::shared_ptr<detail::LandingCore> core_;
  detail::LandingBlock* block_ = nullptr;
  std::size_t size_ = 0;
};

/// Where pieces land: memory that is kept warm, because copying into a recycled landing is twice as fast as into a
/// fresh huge page and ten times as fast as into small ones. One loop owns it; `grow`, `live_bytes`
/// and dropping a Landing are for any thread. Debug builds fill what comes back, AddressSanitizer builds forbid it.
/// Invariant: idle_bytes() <= warm_bytes after take and collect; live_bytes() <= max_bytes, always.
class LandingPool {
 public:
  struct Options {
    std::uint64_t warm_bytes = std::uint64_t{1} << 30;  ///< kept for reuse at most
    std::uint64_t max_bytes = std::uint64_t{8} << 30;   ///< leased and kept at most
  };
  static constexpr std::size_t kSmallestBytes = 64 * 1024;

  explicit LandingPool(Options options);
  ~LandingPool();
  LandingPool(const LandingPool&) = delete;
  LandingPool& operator=(const LandingPool&) = delete;

  /// A warm landing of `bytes` > 0, the one that came back last; nothing when there is none that fits, then `grow`
  /// makes one. No system call. Where `max_bytes` stands in grow's way, idle memory is given up for it.
  std::optional<Landing> take(std::size_t bytes);
  /// A fresh landing with its memory populated: blocks, 0.1 ms per MiB; for a worker thread. ResourceExhausted past
  /// max_bytes, or when the system has no more.
  Result<Landing> grow(std::size_t bytes);
  /// Takes in what was dropped elsewhere. `take` does so too; a pool that nothing is taken from needs it now and then.
  void collect();
  /// What no longer fits the budgets. To be dropped on a worker thread: unmapping costs 20 µs per MiB.
  std::vector<Buffer> drain_excess();
  bool has_excess() const noexcept { return !excess_.empty(); }

  std::uint64_t live_bytes() const noexcept;  ///< mapped: leased, idle or on its way between
  std::uint64_t idle_bytes() const noexcept;  ///< ready to be taken

 private:
  void give_up_for(std::uint64_t bytes);

  Options options_;
  std::shared_ptr<detail::LandingCore> core_;
  std::vector<Buffer> excess_;
};

}  // namespace weft::memory
