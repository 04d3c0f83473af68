#include <weft/nodes/c/flow_reader.hpp>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <ctime>

#include <fmt/format.h>

namespace weft::c {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

/// How long one sleep lasts at most: a wake-up may be lost with the process that owed it.
constexpr milliseconds kLongestSleep{50};

std::unexpected<Fault> too_early(std::uint64_t index) {
  return refuse(WEFT_ERR_OUT_OF_RANGE_TOO_EARLY, fmt::format("{} is not there yet", index));
}
std::unexpected<Fault> too_late(std::uint64_t index) {
  return refuse(WEFT_ERR_OUT_OF_RANGE_TOO_LATE, fmt::format("{} is overwritten already", index));
}

}  // namespace

void FlowReader::close() noexcept {
  closed_.store(true);
  ::syscall(SYS_futex, &file_->head().signal, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

const std::uint8_t* FlowReader::payload(std::uint64_t index) const noexcept {
  return reinterpret_cast<const std::uint8_t*>(file_->region(slot_of(index)).data()) + WEFT_GRAIN_HEADER_BYTES;
}

template <class Try>
auto FlowReader::wait(std::uint32_t timeout_ms, Try attempt) const -> decltype(attempt()) {
  const TimePoint until = Clock::now() + milliseconds(timeout_ms);
  while (true) {
    if (closed_.load()) return refuse(WEFT_ERR_SHUTTING_DOWN, "the reader was released");
    // Before the file is looked at: one that was cut may not be touched.
    WEFT_C_TRY(file_->whole());
    // Pairs with the release of a commit: what came before this number is seen by the attempt.
    const std::uint32_t seen = file_->head().signal.load(std::memory_order_acquire);
    auto outcome = attempt();
    if (outcome || outcome.error().status != WEFT_ERR_OUT_OF_RANGE_TOO_EARLY) return outcome;
    if (!file_->named()) return refuse(WEFT_ERR_FLOW_INVALID, "the flow was destroyed, nothing more comes");
    if (timeout_ms == 0) return outcome;
    if (Clock::now() >= until)
      return refuse(WEFT_ERR_TIMEOUT,
                    fmt::format("nothing came in {} ms: {}", timeout_ms, outcome.error().error.message()));
    WEFT_C_TRY(sleep(seen, until));
  }
}

Outcome<void> FlowReader::sleep(std::uint32_t seen, TimePoint until) const {
  const auto left = std::min<nanoseconds>(duration_cast<nanoseconds>(until - Clock::now()), kLongestSleep);
  if (left <= nanoseconds::zero()) return {};
  const timespec most{.tv_sec = 0, .tv_nsec = static_cast<long>(left.count())};
  // Not a private futex: who wakes is another process.
  if (::syscall(SYS_futex, &file_->head().signal, FUTEX_WAIT, seen, &most, nullptr, 0) != 0 && errno == EINTR)
    return refuse(WEFT_ERR_INTERRUPTED, "a signal came");
  return {};
}

Outcome<weftGrainInfo> FlowReader::grain(const GrainRequest& request) const {
  const FlowShape& shape = file_->layout().shape();
  if (!file_->layout().discrete()) return refuse(WEFT_ERR_INVALID_STATE, "the flow is continuous: it has samples");
  if (request.least_slices > shape.slices)
    return bad_argument(fmt::format("{} slices, and a grain has {}", request.least_slices, shape.slices));
  if (request.index == kNoGrain) return bad_argument("no grain has that index");
  return wait(request.timeout_ms, [&] { return grain_now(request.index, request.least_slices); });
}

Outcome<weftGrainInfo> FlowReader::grain_now(std::uint64_t index, std::uint32_t least_slices) const {
  const FlowShape& shape = file_->layout().shape();
  const FlowSlot& slot = file_->slot(slot_of(index));
  // Pairs with the release that ends a replacement: what it shows is the grain of that number.
  const std::uint64_t sequence = slot.sequence.load(std::memory_order_acquire);
  const std::uint64_t there = slot.index.load(std::memory_order_relaxed);
  const std::uint32_t valid = slot.valid_slices.load(std::memory_order_acquire);
  const std::uint32_t flags = slot.flags.load(std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_acquire);
  const bool rests = sequence % 2 == 0 && slot.sequence.load(std::memory_order_relaxed) == sequence;
  if (!rests || there != index) {
    const std::uint64_t opened = file_->head().opened.load(std::memory_order_acquire);
    const bool gone = opened > index && opened - 1 - index >= shape.grain_count;
    return gone ? too_late(index) : too_early(index);
  }
  const weftGrainInfo info{.structSize = 0,
                           .index = index,
                           .flags = flags,
                           .totalSlices = shape.slices,
                           .validSlices = std::min(valid, shape.slices),
                           .grainSize = shape.grain_bytes,
                           .sequence = sequence};
  // An invalid grain is all there is of it.
  if (info.validSlices < least_slices && (flags & WEFT_GRAIN_FLAG_INVALID) == 0) return too_early(index);
  return info;
}

Outcome<void> FlowReader::check(const weftGrainInfo& info) const {
  if (!file_->layout().discrete()) return refuse(WEFT_ERR_INVALID_STATE, "the flow is continuous: it has samples");
  WEFT_C_TRY(file_->whole());
  const FlowSlot& slot = file_->slot(slot_of(info.index));
  // What the caller read comes before this look at the number.
  std::atomic_thread_fence(std::memory_order_acquire);
  if (slot.sequence.load(std::memory_order_relaxed) != info.sequence ||
      slot.index.load(std::memory_order_relaxed) != info.index)
    return too_late(info.index);
  return {};
}

Outcome<SampleRange> FlowReader::samples(const SampleRequest& request) const {
  if (file_->layout().discrete()) return refuse(WEFT_ERR_INVALID_STATE, "the flow is discrete: it has grains");
  WEFT_C_LET(const SampleRange range,
             SampleRange::of(request.head, request.count, file_->layout().shape().buffer_samples));
  WEFT_C_TRY(wait(request.timeout_ms, [&] { return samples_now(request.head, request.count); }));
  return range;
}

Outcome<void> FlowReader::samples_now(std::uint64_t head, std::uint64_t count) const {
  if (file_->head().committed.load(std::memory_order_acquire) < head) return too_early(head);
  const std::uint64_t writing = file_->head().writing.load(std::memory_order_relaxed);
  const std::uint64_t ring = file_->layout().shape().buffer_samples;
  if (writing > ring && head - count < writing - ring) return too_late(head);
  return {};
}

Outcome<void> FlowReader::check_samples(std::uint64_t head, std::uint64_t count) const {
  if (file_->layout().discrete()) return refuse(WEFT_ERR_INVALID_STATE, "the flow is discrete: it has grains");
  WEFT_C_TRY(SampleRange::of(head, count, file_->layout().shape().buffer_samples));
  WEFT_C_TRY(file_->whole());
  std::atomic_thread_fence(std::memory_order_acquire);
  return samples_now(head, count);
}

}  // namespace weft::c
