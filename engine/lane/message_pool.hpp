#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <weft/lane/lane.hpp>

namespace weft::lane {

/// The memory of received messages, reused, with a bound for all and one for each account (a channel). Lives on its
/// lane's loop. A message's buffer grows as its bytes arrive, so an announced length alone costs nothing.
/// Allocates nothing once the buffers that the traffic needs exist.
class MessagePool : public MessageLease::Owner {
 public:
  struct Limits {
    std::uint64_t account_bytes = 0;  ///< held by one account: being assembled or leased
    std::uint64_t total_bytes = 0;    ///< held by all
    std::uint64_t idle_bytes = 0;     ///< kept for reuse
  };
  enum class Refusal : std::uint8_t {
    kAccount,  ///< this account holds its share: wait until it gives back a lease
    kTotal,    ///< the pool is used up, or memory was refused
  };
  using Index = std::uint32_t;
  using Account = std::uint32_t;

  explicit MessagePool(Limits limits) : limits_(limits) {}

  Account open_account();
  /// Leases of the account stay valid.
  void close_account(Account account) noexcept;

  /// A buffer of at least `bytes`.
  std::expected<Index, Refusal> take(Account account, std::size_t bytes);
  /// Replaces the buffer by one of at least `bytes` that starts with the first `used` bytes of the old one.
  std::expected<Index, Refusal> grow(Index index, std::size_t used, std::size_t bytes);
  std::span<std::byte> memory(Index index) noexcept { return {slots_[index].memory.get(), slots_[index].capacity}; }
  void release(Index index) noexcept override;

  /// Counts up with every release: what waits for memory tries again when it changed.
  std::uint64_t releases() const noexcept { return releases_; }
  std::uint64_t held_bytes() const noexcept { return held_bytes_; }

 private:
  static constexpr unsigned kSmallestBits = 10;  // 1 KiB
  static constexpr unsigned kClasses = 22;       // up to 2 GiB
  static constexpr Index kNone = ~Index{0};

  struct Slot {
    std::unique_ptr<std::byte[]> memory;
    std::size_t capacity = 0;
    Account account = 0;
    Index next = kNone;
  };
  struct Holder {
    std::uint64_t held_bytes = 0;
    bool open = false;
  };

  static unsigned class_of(std::size_t bytes) noexcept;
  Index empty_slot();

  Limits limits_;
  std::vector<Slot> slots_;
  std::vector<Holder> holders_;
  std::array<Index, kClasses> idle_ = [] {
    std::array<Index, kClasses> none{};
    none.fill(kNone);
    return none;
  }();
  Index empty_ = kNone;  // slots without memory
  std::uint64_t held_bytes_ = 0;
  std::uint64_t idle_bytes_ = 0;
  std::uint64_t releases_ = 0;
};

}  // namespace weft::lane
