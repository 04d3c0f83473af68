#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <weft/nodes/c/flow.h>
#include <weft/nodes/c/fault.hpp>

/// What a flow's file holds, in the byte order of its host: the head, then for a discrete flow a table of slots and the
/// grains (each on pages of its own, a header of 8192 bytes and the payload), for a continuous one the buffers of its
/// channels, one after the other.
namespace weft::c {

inline constexpr char kFlowMagic[8] = {'W', 'E', 'F', 'T', 'F', 'L', 'O', 'W'};
inline constexpr std::uint32_t kFlowVersion = 1;
inline constexpr std::uint64_t kFlowPage = 4096;
inline constexpr std::uint64_t kNoGrain = UINT64_MAX;

/// The head's part that never changes, and that readers copy before they believe it.
struct FlowShape {
  char magic[8];
  std::uint32_t version;
  std::uint32_t layout;
  std::uint32_t grain_count;
  std::uint32_t slices;
  std::uint64_t grain_bytes;
  std::uint32_t sample_bytes;
  std::uint32_t channels;
  std::uint64_t buffer_samples;
  std::uint32_t rate_numerator;
  std::uint32_t rate_denominator;
  std::uint64_t total_bytes;
};

/// The first page.
struct FlowHead {
  FlowShape shape;
  /// Continuous: samples below it are committed; discrete: one more than the highest grain committed. Pairs with the
  /// acquire of readers: what lies below it has been written.
  alignas(64) std::atomic<std::uint64_t> committed;
  /// Continuous: the writer may be overwriting what lies a buffer's length before it.
  std::atomic<std::uint64_t> writing;
  /// Discrete: one more than the highest grain opened: what lies a ring before it is gone.
  std::atomic<std::uint64_t> opened;
  /// Changes with each commit; what waiting readers sleep on (a futex).
  alignas(64) std::atomic<std::uint32_t> signal;
};
static_assert(sizeof(FlowHead) <= kFlowPage && std::atomic<std::uint64_t>::is_always_lock_free);

/// What lies in one slot. Outside of the grain's header, which a fabric overwrites with another host's.
/// Even: at rest; odd: a writer is replacing the grain. It changes when the slot's grain does, and not with slices.
struct FlowSlot {
  std::atomic<std::uint64_t> sequence;
  std::atomic<std::uint64_t> index;  ///< kNoGrain: none
  std::atomic<std::uint32_t> valid_slices;
  std::atomic<std::uint32_t> flags;
  std::uint64_t reserved;
};
static_assert(sizeof(FlowSlot) == 32);

/// Before each payload; travels with it.
struct FlowGrainHeader {
  std::uint32_t magic;  ///< kGrainMagic
  std::uint32_t flags;
  std::uint64_t index;
  std::uint32_t total_slices;
  std::uint32_t valid_slices;
  std::uint64_t grain_bytes;
  std::byte reserved[WEFT_GRAIN_HEADER_BYTES - 32];
};
inline constexpr std::uint32_t kGrainMagic = 0x4e524757;  // "WGRN"
static_assert(sizeof(FlowGrainHeader) == WEFT_GRAIN_HEADER_BYTES);

/// Where things are in a flow's file. A value, made of a shape whose numbers were checked.
class FlowLayout {
 public:
  /// INVALID_ARG names the field.
  static Outcome<FlowLayout> of(const weftFlowConfig& config);
  /// FLOW_INVALID: not this version's, or numbers that do not go together, or another size than the file has.
  static Outcome<FlowLayout> of(const FlowShape& shape, std::uint64_t file_bytes);

  const FlowShape& shape() const noexcept { return shape_; }
  weftFlowConfig config() const noexcept;
  bool discrete() const noexcept { return shape_.layout == WEFT_FLOW_DISCRETE; }
  std::uint64_t total_bytes() const noexcept { return shape_.total_bytes; }
  /// Header and payload of one grain, as it is registered with a fabric.
  std::uint64_t region_bytes() const noexcept { return WEFT_GRAIN_HEADER_BYTES + shape_.grain_bytes; }
  std::uint64_t slot_at(std::uint32_t slot) const noexcept { return kFlowPage + slot * sizeof(FlowSlot); }
  std::uint64_t grain_at(std::uint32_t slot) const noexcept { return data_at_ + slot * grain_stride_; }
  std::uint64_t buffers_at() const noexcept { return data_at_; }
  /// Bytes of one channel's buffer.
  std::uint64_t buffer_bytes() const noexcept { return shape_.buffer_samples * shape_.sample_bytes; }

 private:
  static Outcome<FlowLayout> arrange(FlowShape shape);
  FlowShape shape_{};
  std::uint64_t data_at_ = 0;
  std::uint64_t grain_stride_ = 0;
};

/// A range of samples in one channel's ring: where it begins, how many up to the ring's end, how many from its start.
struct SampleRange {
  std::uint64_t first = 0;
  std::uint64_t before_wrap = 0;
  std::uint64_t after_wrap = 0;
  /// The samples [head - count, head); INVALID_ARG: none, more than the ring has, or more than there ever were.
  static Outcome<SampleRange> of(std::uint64_t head, std::uint64_t count, std::uint64_t ring);
};

}  // namespace weft::c
