#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <weft/lane/lane.hpp>

namespace weft::fabric {

/// What was handed to the network and has not finished: the contexts of libfabric operations. Belongs to one loop.
/// Invariant: a context is good for one finish. It is a number, not a pointer, and carries the slot's generation, so
/// that a completion which comes late (its channel was closed and settled) hits nothing. Allocates when made only.
class PostRing {
 public:
  enum class Kind : std::uint8_t {
    kWrite,
    kMessage,  ///< read from `buffer` of those that messages are sent from
    kWord,     ///< of the lane itself: nobody is told that it finished
  };
  struct Post {
    lane::Channel channel;
    lane::Token token = 0;
    std::uint64_t bytes = 0;
    Kind kind = Kind::kWrite;
    std::uint32_t buffer = 0;
  };

  explicit PostRing(std::uint32_t capacity);

  /// The context to post with, or null when the ring is full.
  void* take(const Post& post) noexcept;
  /// The post behind a context, once; nothing for null, for another's or a late one.
  std::optional<Post> finish(void* context) noexcept;
  /// Any post of that channel, finished by this: how a closed channel is settled.
  std::optional<Post> finish_any_of(lane::Channel channel) noexcept;
  std::uint32_t size() const noexcept { return taken_; }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  struct Slot {
    Post post;
    std::uint32_t generation = 1;
    std::uint32_t next_free = kNone;
    bool taken = false;
  };
  Post release(std::uint32_t index) noexcept;

  std::vector<Slot> slots_;
  std::uint32_t first_free_ = kNone;
  std::uint32_t taken_ = 0;
};

}  // namespace weft::fabric
