#pragma once

#include <optional>
#include <vector>

#include <weft/transfer/ring.hpp>
#include <weft/transfer/source.hpp>
#include <weft/transfer/target_map.hpp>
#include <weft/transfer/types.hpp>

/// The sending half of a transfer, as the core keeps it; nothing outside engine/transfer includes this.
namespace weft::transfer {

/// One rail of a round at the sending side.
struct SourceRail {
  std::uint16_t rail = 0;
  std::uint16_t slot = 0;
  std::uint64_t key = 0;
  std::uint64_t base = 0;
  std::uint32_t posted = 0;  // immediates
  bool gone = false;
  bool left = false;  // by grains, for a better one: all that was posted has arrived
  bool has_piece = false;
  std::uint32_t piece = 0;
  std::uint64_t offset = 0;  // in the space: what of the piece is posted
  std::int32_t staging = -1;
  bool attached = false;       // the memory of the piece, to a lane that wants that
  void* descriptor = nullptr;  // of the staging it lies in
};

/// What a source has attached to a lane, by item; none where nothing was posted from yet.
struct SourceMemory {
  Lane lane = Lane::kAuto;
  std::vector<Key> items{};
};

struct Staged {
  std::uint32_t piece = 0;
  std::int32_t staging = -1;
  std::uint32_t reads_left = 0;
  bool failed = false;
};

/// The sending half of a transfer.
struct Source {
  SourceBytes bytes{};
  RemoteMap remote{};
  std::uint8_t round = 0;
  bool round_open = false;
  bool done_sent = false;
  bool ever_done = false;  // a `done(ok)` or the inline bytes went out
  bool ending = false;
  std::optional<Error> end_error{};
  std::vector<wire::PieceRange> wanted{};
  std::size_t wanted_at = 0;
  std::uint32_t wanted_piece = 0;  // within wanted[wanted_at]
  std::uint64_t pieces_posted = 0;
  std::vector<SourceRail> rails{};
  std::vector<SourceMemory> attached{};  // uses of the core's attachments: let go when the source is
  Ring<Staged> staged{};
  std::vector<std::uint64_t> leaves{};
  std::vector<std::uint64_t> known{};  // bit per leaf
  std::uint32_t known_count = 0;
  bool leaves_told = false;  // all of them, with the offer
  std::uint32_t unsent_first = 0, unsent_count = 0;
  std::uint32_t pieces_since_digests = 0;
  std::uint32_t outstanding = 0;  // posts not finished
  bool active = false;            // in its session's list
  bool on_stream = false;         // and may use rail 0
  bool hungry = false;            // stands in the ring of those that wait for a staging buffer
  std::uint64_t total = 0;
  void reset();
};

}  // namespace weft::transfer
