#include <weft/fabric/post_ring.hpp>

namespace weft::fabric {

PostRing::PostRing(std::uint32_t capacity) : slots_(capacity) {
  for (std::uint32_t i = capacity; i-- > 0;) {
    slots_[i].next_free = first_free_;
    first_free_ = i;
  }
}

void* PostRing::take(const Post& post) noexcept {
  if (first_free_ == kNone) return nullptr;
  const std::uint32_t index = first_free_;
  Slot& slot = slots_[index];
  first_free_ = slot.next_free;
  slot.post = post;
  slot.taken = true;
  ++taken_;
  // Generations start at 1 and have 31 bits: a context is never null and never has its highest bit set.
  return reinterpret_cast<void*>(std::uintptr_t{slot.generation} << 32 | index);
}

std::optional<PostRing::Post> PostRing::finish(void* context) noexcept {
  const auto value = reinterpret_cast<std::uintptr_t>(context);
  const auto index = static_cast<std::uint32_t>(value);
  if (index >= slots_.size() || !slots_[index].taken || slots_[index].generation != value >> 32) return std::nullopt;
  return release(index);
}

std::optional<PostRing::Post> PostRing::finish_any_of(lane::Channel channel) noexcept {
  for (std::uint32_t index = 0; taken_ > 0 && index < slots_.size(); ++index)
    if (slots_[index].taken && slots_[index].post.channel == channel) return release(index);
  return std::nullopt;
}

PostRing::Post PostRing::release(std::uint32_t index) noexcept {
  Slot& slot = slots_[index];
  slot.taken = false;
  slot.generation = slot.generation == 0x7FFFFFFFu ? 1 : slot.generation + 1;
  slot.next_free = first_free_;
  first_free_ = index;
  --taken_;
  return slot.post;
}

}  // namespace weft::fabric
