#include <weft/lane/message_pool.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

namespace weft::lane {

unsigned MessagePool::class_of(std::size_t bytes) noexcept {
  const auto bits = static_cast<unsigned>(std::bit_width(std::max<std::size_t>(bytes, 1) - 1));
  return bits <= kSmallestBits ? 0 : bits - kSmallestBits;
}

MessagePool::Account MessagePool::open_account() {
  auto free = std::find_if(holders_.begin(), holders_.end(),
                           [](const Holder& holder) { return !holder.open && holder.held_bytes == 0; });
  if (free == holders_.end()) free = holders_.insert(holders_.end(), Holder{});
  free->open = true;
  return static_cast<Account>(free - holders_.begin());
}

void MessagePool::close_account(Account account) noexcept { holders_[account].open = false; }

MessagePool::Index MessagePool::empty_slot() {
  if (empty_ == kNone) {
    slots_.emplace_back();
    return static_cast<Index>(slots_.size() - 1);
  }
  const Index index = empty_;
  empty_ = slots_[index].next;
  return index;
}

std::expected<MessagePool::Index, MessagePool::Refusal> MessagePool::take(Account account, std::size_t bytes) {
  const unsigned size_class = class_of(bytes);
  if (size_class >= kClasses) return std::unexpected(Refusal::kTotal);
  const std::size_t capacity = std::size_t{1} << (size_class + kSmallestBits);
  Holder& holder = holders_[account];
  if (held_bytes_ + capacity > limits_.total_bytes) return std::unexpected(Refusal::kTotal);
  if (holder.held_bytes + capacity > limits_.account_bytes) return std::unexpected(Refusal::kAccount);

  Index index = idle_[size_class];
  if (index != kNone) {
    idle_[size_class] = slots_[index].next;
    idle_bytes_ -= capacity;
  } else {
    std::unique_ptr<std::byte[]> memory{new (std::nothrow) std::byte[capacity]};
    if (!memory) return std::unexpected(Refusal::kTotal);
    index = empty_slot();
    slots_[index].memory = std::move(memory);
    slots_[index].capacity = capacity;
  }
  slots_[index].account = account;
  holder.held_bytes += capacity;
  held_bytes_ += capacity;
  return index;
}

std::expected<MessagePool::Index, MessagePool::Refusal> MessagePool::grow(Index index, std::size_t used,
                                                                          std::size_t bytes) {
  auto larger = take(slots_[index].account, bytes);
  if (!larger) return larger;
  std::memcpy(slots_[*larger].memory.get(), slots_[index].memory.get(), used);
  release(index);
  return larger;
}

void MessagePool::release(Index index) noexcept {
  Slot& slot = slots_[index];
  holders_[slot.account].held_bytes -= slot.capacity;
  held_bytes_ -= slot.capacity;
  ++releases_;
  if (idle_bytes_ + slot.capacity > limits_.idle_bytes) {
    slot.memory.reset();
    slot.capacity = 0;
    slot.next = empty_;
    empty_ = index;
    return;
  }
  idle_bytes_ += slot.capacity;
  const unsigned size_class = class_of(slot.capacity);
  slot.next = idle_[size_class];
  idle_[size_class] = index;
}

}  // namespace weft::lane
