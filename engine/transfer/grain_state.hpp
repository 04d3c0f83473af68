#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <weft/transfer/grains.hpp>
#include <weft/transfer/ring.hpp>

/// Rings of grains and what writes them, as the core keeps them; nothing outside engine/transfer includes this.
namespace weft::transfer {

/// What one initiator may write of a ring. Ordinals count its grains; the grain of ordinal n lies in place n mod count.
struct RingShare {
  enum class State : std::uint8_t { kFree, kGranted, kHeld };
  std::uint32_t first = 0, count = 0;   // its slots
  std::vector<lane::Region> regions{};  // of them; what lies together is one
  std::vector<wire::Place> places{};    // of each; region 0 is the headers
  std::vector<State> states{};
  std::span<GrainHeader> headers{};
  TransferKey member{};       // who writes it now
  std::uint64_t granted = 0;  // ordinals below were granted
  std::uint64_t next = 0;     // ordinals below are over
  std::uint64_t sends = 0;    // that arrived
  std::uint64_t told_granted = 0, told_sends = 0;
  std::uint64_t stream_granted = 0, stream_sends = 0;  // of these, what the stream has told: no rail can lose it
  bool queued = false;                                 // stands among what its rail is to say
  bool asked = false;                                  // the initiator waits for a credit
  std::optional<std::uint16_t> moving{};               // slot of a better rail, told and not written over yet
  TimePoint credit_due = kNever;
  TimePoint credit_at{};  // the last one
  RingShare() = default;
  RingShare(std::uint32_t first_slot, std::uint32_t slots, std::span<GrainHeader> all_headers)
      : first(first_slot), count(slots), states(slots, State::kFree), headers(all_headers.subspan(first_slot, slots)) {}

  /// What is free is granted, in the order of the ordinals.
  void advance() {
    while (granted < next + count && states[granted % count] == State::kFree)
      states[granted++ % count] = State::kGranted;
  }
  void told() {
    told_granted = granted;
    told_sends = sends;
  }
  void told_by_stream() {
    stream_granted = granted;
    stream_sends = sends;
  }
  /// For another initiator: ordinals begin anew. What a reader holds stays held.
  void begin(TransferKey who) {
    member = who;
    granted = next = sends = told_granted = told_sends = stream_granted = stream_sends = 0;
    asked = queued = false;
    moving.reset();
    credit_due = kNever;
    for (State& state : states)
      if (state == State::kGranted) state = State::kFree;
    advance();
  }
};

struct GrainRing {
  RingKey key{};
  std::string name{};
  RingToken token{};
  std::vector<std::span<std::byte>> slots{};
  std::uint64_t grain_bytes = 0;
  std::uint32_t slices = 1;
  Lane lane = Lane::kAuto;
  std::vector<GrainHeader> own_headers{};
  std::vector<RingShare> shares{};
  bool closing = false;
  bool by_index() const noexcept { return shares.size() == 1; }
  void reset() { *this = GrainRing{}; }
};

/// A send of an initiator, from `send_grain` to its end.
struct GrainSend {
  std::uint64_t cookie = 0;
  std::uint64_t index = 0;
  std::uint64_t ordinal = 0, number = 0;  // once `placed`
  std::uint64_t begin = 0, bytes = 0;     // in the slot
  std::uint64_t first_part = 0;           // in the feed's parts, counted from its beginning
  std::uint64_t last_post = 0;            // of the feed's posts, counted from its beginning: its last one
  std::uint32_t parts = 0;
  std::uint32_t first_slice = 0;
  std::uint32_t valid_slices = 0;
  std::uint32_t flags = 0;
  TimePoint deadline = kNever;
  bool placed = false;
  bool copied = false;  // into memory that is attached
  bool over = false;    // told already: it is passed over
};

/// Over which rail the target wants a ring to be written.
struct GrainWay {
  std::uint16_t rail = 0, slot = 0;
  std::vector<wire::Place> places{};
  std::vector<wire::RegionKey> regions{};
};

/// The initiator's end of a ring.
struct GrainFeed {
  RingToken token{};
  std::uint32_t grains = 0, slices = 1;
  std::uint64_t grain_bytes = 0;
  bool up = false;
  bool by_index = false;
  bool here = false;     // the ring is this node's own
  bool copying = false;  // and it stands in the line of those that are looked at
  bool leaving = false;  // ends when all is over
  std::uint64_t granted = 0;
  std::uint64_t next = 0;  // ordinal of the next grain
  std::uint64_t sent = 0;  // sends numbered
  std::uint64_t arrived = 0;
  std::uint64_t told_arrived = 0;         // by the target; `arrived` follows once no post reads those sends
  std::uint64_t posts = 0, finished = 0;  // made, and over
  std::vector<wire::Place> places{};
  std::vector<wire::RegionKey> regions{};
  std::vector<GrainHeader> headers{};  // of the sends that are out, by number
  std::vector<std::byte> attached{};   // of each place, for lanes that gather from attached memory only
  Lane attached_lane = Lane::kAuto;
  Key attached_key{}, headers_key{};
  int rail = -1;                   // index in the source's rails
  std::optional<GrainWay> move{};  // a better one, gone over to when nothing is out on the one in use
  Ring<GrainSend> sends{};         // in order; the first `posted` are out
  std::size_t posted = 0;
  std::uint64_t offset = 0;          // of the bytes of the one that is being posted
  TimePoint next_deadline = kNever;  // of those that have no place yet; perhaps of one that has by now
  Ring<lane::Gather> parts{};
  std::uint64_t parts_gone = 0;  // from the front of `parts`, since the beginning
  bool part_open = false;        // slices of `part_index` were sent and more of them may come
  std::uint64_t part_index = 0, part_ordinal = 0;
  std::uint32_t part_slices = 0;  // of it are there, or on their way
};

/// Calls visit(const lane::Gather& part, skip, length) for the bytes of a send from `from` on, at most `most`, part by
/// part in order. A visit that returns false was the last.
template <class F>
void for_each_part(GrainFeed& f, const GrainSend& send, std::uint64_t from, std::uint64_t most, F&& visit) {
  for (std::uint32_t i = 0; i < send.parts && most != 0; ++i) {
    const lane::Gather& part = f.parts.at(static_cast<std::size_t>(send.first_part - f.parts_gone) + i);
    if (from >= part.size) {
      from -= part.size;
      continue;
    }
    const std::uint64_t length = std::min<std::uint64_t>(part.size - from, most);
    if (!visit(part, from, length)) return;
    most -= length;
    from = 0;
  }
}

}  // namespace weft::transfer
