#include <weft/nodes/c/flow_source.hpp>

#include <fmt/format.h>

namespace weft::c {

Outcome<std::span<const std::byte>> FlowSource::grain(std::uint64_t index) {
  const FlowFile& flow = *regions_->flow();
  WEFT_C_TRY(flow.whole());
  const auto slot = static_cast<std::uint32_t>(index % noted_.size());
  const FlowSlot& state = flow.slot(slot);
  // Pairs with the release that ends a replacement: the header is that grain's.
  const std::uint64_t sequence = state.sequence.load(std::memory_order_acquire);
  const bool owned = state.index.load(std::memory_order_relaxed) == index;
  const FlowGrainHeader& header = flow.grain(slot);
  if (header.magic != kGrainMagic || header.index < index)
    return refuse(WEFT_ERR_OUT_OF_RANGE_TOO_EARLY, fmt::format("grain {} is not in the flow yet", index));
  if (header.index > index)
    return refuse(WEFT_ERR_OUT_OF_RANGE_TOO_LATE, fmt::format("grain {} is overwritten already", index));
  if (sequence % 2 != 0 && !owned)
    return refuse(WEFT_ERR_OUT_OF_RANGE_TOO_LATE, fmt::format("grain {} is being overwritten", index));
  const std::lock_guard lock(mutex_);
  noted_[slot] = {.index = index, .sequence = sequence, .committed = owned && sequence % 2 == 0};
  return regions_->bytes(slot);
}

bool FlowSource::still_holds(std::uint64_t index) const {
  const FlowFile& flow = *regions_->flow();
  const auto slot = static_cast<std::uint32_t>(index % noted_.size());
  if (!flow.whole() || flow.grain(slot).index != index) return false;
  const FlowSlot& state = flow.slot(slot);
  // What was sent was read before this look at the number.
  std::atomic_thread_fence(std::memory_order_acquire);
  const std::uint64_t sequence = state.sequence.load(std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  const Noted& noted = noted_[slot];
  if (noted.index != index) return false;
  // The commit of what a fabric wrote changes the number, and not the grain.
  return sequence == noted.sequence || (!noted.committed && state.index.load(std::memory_order_relaxed) == index);
}

}  // namespace weft::c
