#include <weft/nodes/c/flow_writer.hpp>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include <fmt/format.h>

namespace weft::c {

FlowWriter::FlowWriter(std::shared_ptr<FlowFile> file) : file_(std::move(file)) {
  if (file_->layout().discrete()) {
    for (std::uint32_t slot = 0; slot != file_->layout().shape().grain_count; ++slot)
      if (file_->slot(slot).sequence.load(std::memory_order_relaxed) % 2 != 0) take_back(file_->slot(slot));
    return;
  }
  // Samples that were being written are not whole, and stay lost for readers: `writing` only grows.
}

void FlowWriter::close() noexcept {
  const std::lock_guard lock(mutex_);
  if (!open_) return;
  if (file_->layout().discrete()) {
    FlowSlot& slot = file_->slot(slot_of(*open_));
    if (slot.sequence.load(std::memory_order_relaxed) % 2 != 0) take_back(slot);
  }
  open_.reset();
}

void FlowWriter::take_back(FlowSlot& slot) noexcept {
  slot.index.store(kNoGrain, std::memory_order_relaxed);
  slot.sequence.fetch_add(1, std::memory_order_release);
}

void FlowWriter::show() noexcept {
  // Pairs with the acquire of waiting readers.
  file_->head().signal.fetch_add(1, std::memory_order_release);
  ::syscall(SYS_futex, &file_->head().signal, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

Outcome<void> FlowWriter::expect(bool discrete) const {
  if (file_->layout().discrete() != discrete)
    return refuse(WEFT_ERR_INVALID_STATE,
                  discrete ? "the flow is continuous: it has samples" : "the flow is discrete: it has grains");
  return file_->whole();
}

std::uint8_t* FlowWriter::payload(std::uint64_t index) const noexcept {
  return reinterpret_cast<std::uint8_t*>(file_->region(slot_of(index)).data()) + WEFT_GRAIN_HEADER_BYTES;
}

Outcome<weftGrainInfo> FlowWriter::open_grain(std::uint64_t index) {
  WEFT_C_TRY(expect(true));
  if (index == kNoGrain) return bad_argument("no grain has that index");
  const std::lock_guard lock(mutex_);
  if (open_) return refuse(WEFT_ERR_INVALID_STATE, fmt::format("grain {} is open", *open_), "commit it, or cancel it");
  const FlowShape& shape = file_->layout().shape();
  FlowHead& head = file_->head();
  FlowSlot& slot = file_->slot(slot_of(index));
  weftGrainInfo info{.structSize = 0,
                     .index = index,
                     .flags = 0,
                     .totalSlices = shape.slices,
                     .validSlices = 0,
                     .grainSize = shape.grain_bytes,
                     .sequence = slot.sequence.load(std::memory_order_relaxed)};
  if (slot.index.load(std::memory_order_relaxed) == index) {
    // More of the same grain: readers keep what they have.
    info.flags = slot.flags.load(std::memory_order_relaxed);
    info.validSlices = std::min(slot.valid_slices.load(std::memory_order_relaxed), shape.slices);
  } else {
    info.sequence = slot.sequence.fetch_add(1, std::memory_order_relaxed) + 1;
    // No store to the payload passes before the odd number; pairs with the fence of a reader's check.
    std::atomic_thread_fence(std::memory_order_release);
    slot.index.store(index, std::memory_order_relaxed);
    slot.valid_slices.store(0, std::memory_order_relaxed);
    slot.flags.store(0, std::memory_order_relaxed);
    if (head.opened.load(std::memory_order_relaxed) <= index) head.opened.store(index + 1, std::memory_order_release);
    // What a fabric has written there already comes with a header of its own.
    const FlowGrainHeader& arrived = file_->grain(slot_of(index));
    if (arrived.magic == kGrainMagic && arrived.index == index && arrived.total_slices == shape.slices) {
      info.flags = arrived.flags;
      info.validSlices = std::min(arrived.valid_slices, shape.slices);
    }
  }
  open_ = index;
  return info;
}

Outcome<void> FlowWriter::commit_grain(const weftGrainInfo& info) {
  WEFT_C_TRY(expect(true));
  const std::lock_guard lock(mutex_);
  if (!open_) return refuse(WEFT_ERR_INVALID_STATE, "no grain is open");
  const FlowShape& shape = file_->layout().shape();
  FlowSlot& slot = file_->slot(slot_of(*open_));
  const bool replaced = slot.sequence.load(std::memory_order_relaxed) % 2 != 0;
  const std::uint32_t seen = replaced ? 0 : slot.valid_slices.load(std::memory_order_relaxed);
  if (info.validSlices < seen || info.validSlices > shape.slices)
    return bad_argument(
        fmt::format("{} valid slices, and the grain has {} of {}", info.validSlices, seen, shape.slices));
  FlowGrainHeader& header = file_->grain(slot_of(*open_));
  header.magic = kGrainMagic;
  header.flags = info.flags;
  header.index = *open_;
  header.total_slices = shape.slices;
  header.valid_slices = info.validSlices;
  header.grain_bytes = shape.grain_bytes;
  slot.flags.store(info.flags, std::memory_order_relaxed);
  // Pairs with the acquire of readers: the slices' bytes are there before their number.
  slot.valid_slices.store(info.validSlices, std::memory_order_release);
  if (replaced) slot.sequence.fetch_add(1, std::memory_order_release);
  FlowHead& head = file_->head();
  if (head.committed.load(std::memory_order_relaxed) <= *open_)
    head.committed.store(*open_ + 1, std::memory_order_release);
  open_.reset();
  show();
  return {};
}

Outcome<void> FlowWriter::cancel_grain() {
  WEFT_C_TRY(expect(true));
  const std::lock_guard lock(mutex_);
  if (!open_) return refuse(WEFT_ERR_INVALID_STATE, "no grain is open");
  FlowSlot& slot = file_->slot(slot_of(*open_));
  if (slot.sequence.load(std::memory_order_relaxed) % 2 != 0) take_back(slot);
  open_.reset();
  return {};
}

Outcome<SampleRange> FlowWriter::open_samples(std::uint64_t head, std::uint64_t count) {
  WEFT_C_TRY(expect(false));
  WEFT_C_LET(const SampleRange range, SampleRange::of(head, count, file_->layout().shape().buffer_samples));
  const std::lock_guard lock(mutex_);
  if (open_) return refuse(WEFT_ERR_INVALID_STATE, "a range of samples is open", "commit it, or cancel it");
  const std::uint64_t committed = file_->head().committed.load(std::memory_order_relaxed);
  if (head - count < committed && committed != 0)
    return bad_argument(
        fmt::format("samples {} to {}, and readers have those below {}", head - count, head, committed));
  if (file_->head().writing.load(std::memory_order_relaxed) < head)
    file_->head().writing.store(head, std::memory_order_relaxed);
  // No sample is stored before readers can know that theirs are being overwritten.
  std::atomic_thread_fence(std::memory_order_release);
  open_ = head;
  return range;
}

Outcome<void> FlowWriter::commit_samples() {
  WEFT_C_TRY(expect(false));
  const std::lock_guard lock(mutex_);
  if (!open_) return refuse(WEFT_ERR_INVALID_STATE, "no range of samples is open");
  file_->head().committed.store(*open_, std::memory_order_release);
  open_.reset();
  show();
  return {};
}

Outcome<void> FlowWriter::cancel_samples() {
  WEFT_C_TRY(expect(false));
  const std::lock_guard lock(mutex_);
  if (!open_) return refuse(WEFT_ERR_INVALID_STATE, "no range of samples is open");
  open_.reset();
  return {};
}

}  // namespace weft::c
