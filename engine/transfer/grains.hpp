#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <weft/transfer/types.hpp>

/// The words between the core and its driver about grains. All values; nothing here acts.
namespace weft::transfer {

struct RingKey : Key {};
using RingToken = std::array<std::byte, 16>;

/// Behind a grain's bytes, in the memory that its target sets aside for headers; written last, with the immediate.
struct GrainHeader {
  std::uint64_t ordinal = 0;  ///< of the grain in its share
  std::uint64_t send = 0;     ///< of this write in its feed, from 0
  std::uint64_t index = 0;
  std::uint64_t bytes = 0;  ///< of the whole slot that are there
  std::uint32_t valid_slices = 0;
  std::uint32_t flags = 0;
  std::array<std::uint64_t, 2> reserved{};
  std::uint64_t check = 0;  ///< XXH3-64 of what is above

  static constexpr std::uint32_t kComplete = 1, kInvalid = 2, kAskCredit = 4;
};
static_assert(sizeof(GrainHeader) == 64);

/// A ring of equal buffers that initiators may write. The memory is the application's until GrainRingClosed.
struct RingSpec {
  std::string name{};
  RingToken token{};                          ///< unpredictable: whoever has it may write
  std::vector<std::span<std::byte>> slots{};  ///< equal sizes, 1 … 2^20 of them
  std::uint32_t slices = 1;                   ///< divides that size
  std::uint32_t initiators = 1;               ///< at most; 1 … the number of slots
  std::span<GrainHeader> headers{};           ///< where they lie, one for each slot; empty: in memory of the core's
  Lane lane = Lane::kAuto;                    ///< who cannot come over it is refused as Unsupported
};

/// A wish to write somebody's ring.
struct FeedSpec {
  NodeId peer{};
  RingToken token{};
  std::uint32_t grains = 0;
  std::uint32_t slices = 1;
  std::uint64_t grain_bytes = 0;
  Bound bound{};  ///< of the answer
  Lane lane = Lane::kAuto;
  std::uint64_t cookie = 0;  ///< comes back in the outcome that says why it ended
};

/// One send: a grain, or the slices [first, last) of one. `parts`, one after the other, are those bytes; they are read
/// until its GrainEnded.
struct GrainSpec {
  std::uint64_t index = 0;
  std::uint32_t first_slice = 0;
  std::uint32_t last_slice = 0;
  std::span<const lane::Gather> parts{};
  TimePoint deadline = kNever;  ///< for a slot to come free
  std::uint64_t cookie = 0;
};

// ---- what comes of it
// ------------------------------------------------------------------------------------------------

/// A grain, or more of one, is there. Once `complete` its slot is the reader's until `release_slot`.
struct GrainArrived {
  RingKey ring{};
  std::uint32_t slot = 0;
  std::uint32_t valid_slices = 0;  ///< the first so many
  std::uint64_t index = 0;
  bool invalid = false;  ///< announced without content
  bool complete = false;
  NodeId from{};
};
struct InitiatorJoined {
  RingKey ring{};
  NodeId peer{};
};
struct InitiatorLeft {
  RingKey ring{};
  NodeId peer{};
};
/// Nothing writes its memory any more.
struct GrainRingClosed {
  RingKey ring{};
};
/// The target has answered: sends go out from now on.
struct FeedUp {
  TransferKey feed{};
};
/// One for each send that was taken.
struct GrainEnded {
  TransferKey feed{};
  std::uint64_t cookie = 0;
  std::uint64_t index = 0;
  std::optional<Error> error{};  ///< absent: it arrived
};
using GrainEvent =
    std::variant<std::monostate, GrainArrived, InitiatorJoined, InitiatorLeft, GrainRingClosed, FeedUp, GrainEnded>;

}  // namespace weft::transfer
