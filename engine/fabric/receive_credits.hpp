#pragma once

#include <algorithm>
#include <cstdint>

namespace weft::fabric {

/// What one end of a channel knows of the receives posted at both, where messages and immediates take them: how many
/// of the peer's it may still take, and how many of its own were posted that the peer has not been told of. It is told
/// by words, immediate data of messages; a message of no bytes may carry nothing else. Belongs to the lane's loop.
///
/// Invariant: what one end may take, what it has on its way, what the other owes and what the other has told and is on
/// its way are together the receives posted at the other. So an end that has none left is owed all of them, and one
/// that has its last one only may still tell: they cannot both wait for the other's word.
class ReceiveCredits {
 public:
  /// Receives that either end posts before it connects: nobody has to be told of these.
  static constexpr std::uint32_t kFirst = 16;
  /// Of a word: more follows in this message than the word.
  static constexpr std::uint32_t kMessage = 1u << 17;

  /// Ours, at least kFirst. `hold_messages`: there is memory behind each, not for immediates only.
  void posted(std::uint32_t receives, bool hold_messages) noexcept {
    receives_ = receives;
    owed_ = receives - kFirst;
    holds_messages_ = hold_messages;
    untold_ = true;
  }
  /// One that a message or an immediate had taken was posted again.
  void posted_again() noexcept { ++owed_; }

  /// Whether something may be posted that takes a receive. The last one is kept for a word.
  bool may_take() const noexcept { return credits_ > 1; }
  bool may_send() const noexcept { return credits_ > 1 && peer_holds_messages_; }
  void took() noexcept { --credits_; }

  bool should_tell() const noexcept { return untold_ || owed_ >= std::max(receives_ / 2, 1u); }
  /// The last one is not spent on a word that gives the peer none.
  bool may_tell() const noexcept { return credits_ > (owed_ == 0 ? 1u : 0u); }
  /// What a message that is posted now carries; then say `told`.
  std::uint32_t word() const noexcept { return std::min(owed_, kCount) | (holds_messages_ ? kHolds : 0); }
  void told() noexcept {
    owed_ -= std::min(owed_, kCount);
    untold_ = false;
    --credits_;
  }
  /// The peer's word. One that tells of more than there can be is its own loss: its receives run out.
  void heard(std::uint32_t word) noexcept {
    credits_ = std::min(credits_ + (word & kCount), kCount);
    peer_holds_messages_ = (word & kHolds) != 0;
  }

 private:
  static constexpr std::uint32_t kCount = 0xFFFF;
  static constexpr std::uint32_t kHolds = 1u << 16;
  std::uint32_t credits_ = kFirst;  // of the peer's
  std::uint32_t owed_ = 0;          // of ours
  std::uint32_t receives_ = 0;
  bool holds_messages_ = false;
  bool peer_holds_messages_ = false;
  bool untold_ = false;  // the peer has had no word at all
};

}  // namespace weft::fabric
