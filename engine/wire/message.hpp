#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include <weft/base/error.hpp>
#include <weft/base/ids.hpp>
#include <weft/base/lane_name.hpp>
#include <weft/tensor/dtype.hpp>

/// The protocol's messages as plain structs (schema/message.capnp is their specification, docs/protocol.md the page).
/// Spans and string_views are borrowed: from the sender's memory when encoding; when decoding, from the frame and from
/// the Decoder's own arrays, until its next `decode`.
namespace weft::wire {

/// Names a transfer inside one session: who opened it follows from the direction the message travels.
struct TransferRef {
  std::uint64_t sequence = 0;
  bool opened_by_sender = false;  ///< of this message
  auto operator<=>(const TransferRef&) const = default;
};

struct LaneOffer {
  Lane lane = Lane::kAuto;
  std::string_view provider{};  ///< "net", "tcp", "verbs": both ends must speak the same wire
  std::uint32_t wire_version = 0;
};

/// First message in each direction.
struct Hello {
  Incarnation incarnation{};
  std::uint16_t version_min = 0, version_max = 0;
  std::uint64_t features = 0;
  std::uint32_t max_open_transfers = 0;
  std::uint32_t max_message_bytes = 0;
  std::uint64_t piece_bytes = 0;  ///< the smaller of both sides' is the session's
  HostId host{};
  std::string_view host_name{};  ///< for errors and `ping`; ≤ 255 bytes
  std::span<const LaneOffer> lanes{};
  std::array<std::byte, 16> session{};  ///< the dialler's random session id; zero from the acceptor
};

/// The dialler asks for a rail (`address` empty), the acceptor answers with the address, or with why not.
struct RailRequest {
  std::uint16_t number = 0;
  Lane lane = Lane::kAuto;
  std::string_view address{};
  std::uint64_t nonce = 0;  ///< of the pass; drawn by the acceptor
  bool answer = false;
  bool refused = false;
  bool closed = false;  ///< either side: this rail is gone at my end
  std::string_view reason{};
};

enum class GenerationRuleKind : std::uint8_t { kAny, kExactly, kNewerThan, kAtLeast };
struct GenerationRule {
  GenerationRuleKind kind = GenerationRuleKind::kAny;
  Generation generation{};
};

/// A catalog index and the generation learned with it: the hot path's 12 bytes.
struct Handle {
  std::uint32_t index = 0;
  Generation generation{};
};

struct RangeSpec {
  std::int64_t start = 0, stop = 0, step = 1;
};
struct RunSpec {
  std::uint64_t start = 0, count = 0;
};

enum class PartKind : std::uint8_t { kWhole, kSlice, kRowRuns, kRowIndices };
/// Which part of an entry. One part serves every item, or there is one per item.
struct Part {
  PartKind kind = PartKind::kWhole;
  std::span<const RangeSpec> ranges{};       ///< kSlice: one per leading axis
  std::uint32_t axis = 0;                    ///< rows are counted along it
  std::span<const RunSpec> runs{};           ///< kRowRuns
  std::span<const std::uint32_t> indices{};  ///< kRowIndices
};

enum class WhatKind : std::uint8_t { kNames, kHandles, kEntries };
struct What {
  WhatKind kind = WhatKind::kNames;
  std::span<const std::string_view> names{};
  std::span<const Handle> handles{};
  std::string_view pattern{}, after{};  ///< kEntries: names matching, greater than `after`
  std::uint32_t limit = 0;              ///< kEntries: at most so many; 0: what fits
};

struct RailKey {
  std::uint16_t rail = 0;
  std::uint16_t slot = 0;
  std::uint64_t key = 0;
  std::uint64_t base = 0;  ///< added to every offset under this key
};
struct PieceRange {
  std::uint32_t first = 0, count = 0;
};
struct LandingSegment {
  std::uint64_t offset = 0, length = 0;
};
enum class WhereKind : std::uint8_t { kDense, kSegments, kPages };
struct Where {
  WhereKind kind = WhereKind::kDense;
  std::span<const LandingSegment> segments{};  ///< in the order of the byte space, gaps left out
  std::uint64_t page_bytes = 0;                ///< kPages
  std::span<const std::uint32_t> pages{};
};
/// Opens a round: what is wanted, where it may be written, over which rails.
struct Grant {
  TransferRef transfer{};
  std::uint8_t round = 0;
  Where where{};
  std::span<const PieceRange> wanted{};  ///< empty: every piece
  std::span<const RailKey> rails{};
};

enum class Verify : std::uint8_t { kPieces, kLane };

struct Request {
  std::uint64_t sequence = 0;
  std::uint64_t deadline_ns = 0;  ///< time left; 0: automatic
  std::uint32_t inline_max = 0;
  GenerationRule generation{};
  What what{};
  std::span<const Part> parts{};  ///< empty: whole
  Verify verify = Verify::kPieces;
  std::uint64_t expected_bytes = 0;  ///< with a grant: the space it was made for
  bool has_grant = false;
  Grant grant{};  ///< transfer is implied
  std::string_view trace{};
};

struct Attribute {
  std::string_view key{}, value{};
};
/// What one item of a request turned out to be.
struct EntryAnswer {
  bool ok = true;
  ErrorClass error = ErrorClass::kInternal;  ///< when not ok
  std::string_view text{};                   ///< the failure, or empty
  std::string_view name{};                   ///< in listings and pushes; with NotFound: the nearest name there is
  Handle handle{};
  DType dtype{};
  std::string_view opaque_type{};
  std::span<const Attribute> attributes{};  ///< of the whole entry; the keys rise
  bool requires_grad = false;
  std::span<const std::int64_t> shape{};    ///< of what travels, not of the whole entry
  std::uint64_t bytes = 0;                  ///< of what travels
  std::span<const std::uint64_t> leaves{};  ///< where cached, or inline
};

/// From the source: what there is to move. A push's first message; the answer to a request above inline size.
struct Offer {
  TransferRef transfer{};
  std::uint64_t deadline_ns = 0;
  std::span<const EntryAnswer> entries{};
  std::uint64_t total = 0;  ///< of the byte space, gaps included
  bool is_inline = false;   ///< a push whose bytes are the payload
  Verify verify = Verify::kPieces;
  std::string_view trace{};
};

/// The answer with the bytes as payload, or a listing.
struct Response {
  std::uint64_t sequence = 0;
  std::span<const EntryAnswer> entries{};
  bool more = false;     ///< kEntries: ask again after the last name
  bool granted = false;  ///< the bytes come as pieces, under the grant of the request
};

/// Leaves of entries whose digests were not cached, in the order of the byte space.
struct Digests {
  TransferRef transfer{};
  std::uint8_t round = 0;
  std::uint32_t first_leaf = 0;
  std::span<const std::uint64_t> leaves{};
};

struct RailCount {
  std::uint16_t rail = 0;
  std::uint32_t posted = 0;  ///< immediates posted on it in this round
};
/// The writer's last word of a round.
struct Done {
  TransferRef transfer{};
  std::uint8_t round = 0;
  bool ok = true;
  ErrorClass error = ErrorClass::kInternal;
  std::string_view text{};
  std::span<const RailCount> rails{};
  std::uint32_t first_leaf = 0;
  std::span<const std::uint64_t> leaves{};
};

/// The receiver's word: it is whole here, or why not.
struct Receipt {
  TransferRef transfer{};
  bool ok = true;
  ErrorClass error = ErrorClass::kInternal;
  std::string_view text{};
  std::uint64_t bytes = 0;
  Generation generation{};
  Digest digest{};
  Verify verify = Verify::kPieces;
  Lane lane = Lane::kAuto;
};

struct Cancel {
  TransferRef transfer{};
  ErrorClass why = ErrorClass::kCancelled;
};

/// Opens a ring of grains for writing.
struct RingOpen {
  std::uint64_t sequence = 0;
  std::uint64_t deadline_ns = 0;
  std::array<std::byte, 16> token{};
  std::uint32_t grains = 0;
  std::uint32_t slices = 0;
  std::uint64_t grain_bytes = 0;
};
/// Where one grain of a share lies: in which of the regions, and how far in.
struct Place {
  std::uint32_t region = 0;
  std::uint64_t offset = 0;
};
struct RegionKey {
  std::uint64_t key = 0;
  std::uint64_t base = 0;
};
/// The share of a ring that an initiator may write, over one rail.
struct Slots {
  std::uint64_t sequence = 0;
  std::uint16_t rail = 0;
  std::uint16_t slot = 0;
  bool by_index = false;
  std::uint64_t granted = 0;
  std::uint64_t arrived = 0;
  std::span<const Place> places{};
  std::span<const RegionKey> regions{};  ///< the first holds the headers
};
struct Credit {
  std::uint64_t sequence = 0;
  std::uint64_t granted = 0;  ///< ordinals below may be written
  std::uint64_t arrived = 0;  ///< sends that came
};

/// Ends a transfer that has posted nothing.
struct Failure {
  TransferRef transfer{};
  ErrorClass error = ErrorClass::kInternal;
  std::int32_t native = 0;
  std::string_view text{};
  std::string_view hint{};
};

struct Ping {
  std::uint64_t nonce = 0;
  bool answer = false;
  std::int64_t wall_ns = 0;  ///< the sender's wall clock, for the skew that `ping` shows
};

struct Bye {
  ErrorClass why = ErrorClass::kShuttingDown;
  bool answer = false;
};

using Message = std::variant<Hello, RailRequest, Request, Offer, Grant, Response, Digests, Done, Receipt, Cancel,
                             Credit, Failure, Ping, Bye, RingOpen, Slots>;

/// 16 bytes, little-endian: magic 2, version 1, flags 1, credits 4, Cap'n Proto words 4, payload bytes 4.
inline constexpr std::size_t kHeaderBytes = 16;
inline constexpr std::uint16_t kMagic = 0x6677;  // "wf"
inline constexpr std::uint8_t kVersion = 1;

/// A decoded message and its raw payload.
struct Decoded {
  Message message;
  std::span<const std::byte> payload;
  std::uint32_t credits = 0;
};

}  // namespace weft::wire
