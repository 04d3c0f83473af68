#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <weft/base/limits.hpp>
#include <weft/transfer/types.hpp>

namespace weft::transfer {

/// The slots of one loop's immediates: 12 bits that name one (transfer, rail). Drawn by the target, listed in the
/// grant, reused only once quiet, and then the longest-free one first, so that a stray arrival meets an empty slot.
class Slots {
 public:
  struct Use {
    TransferKey transfer{};
    std::uint16_t rail_index = 0;  ///< in the round's list
  };

  Slots() : uses_(kMaxSlots) {
    for (std::uint32_t i = 0; i < kMaxSlots; ++i) free_.push_back(static_cast<std::uint16_t>(kMaxSlots - 1 - i));
  }
  std::optional<std::uint16_t> draw(Use use) {
    if (free_count() == 0) return std::nullopt;
    const std::uint16_t slot = free_[head_ & (kMaxSlots - 1)];
    ++head_;
    uses_[slot] = use;
    return slot;
  }
  void give_back(std::uint16_t slot) {
    uses_[slot] = {};
    free_[(head_ + free_count()) & (kMaxSlots - 1)] = slot;
    ++returned_;
  }
  /// Null when nobody uses it: the arrival is a stray.
  const Use* find(std::uint16_t slot) const {
    return slot < uses_.size() && uses_[slot].transfer ? &uses_[slot] : nullptr;
  }
  std::size_t free_count() const noexcept { return kMaxSlots + returned_ - head_; }

  static constexpr std::uint32_t immediate(std::uint16_t slot, std::uint32_t piece) {
    return (static_cast<std::uint32_t>(slot) << 20) | piece;
  }
  static constexpr std::uint16_t slot_of(std::uint32_t immediate) {
    return static_cast<std::uint16_t>(immediate >> 20);
  }
  static constexpr std::uint32_t piece_of(std::uint32_t immediate) { return immediate & (kMaxPieces - 1); }

 private:
  std::vector<Use> uses_;
  std::vector<std::uint16_t> free_;
  std::uint64_t head_ = 0;      // drawn so far
  std::uint64_t returned_ = 0;  // given back so far
};

}  // namespace weft::transfer
