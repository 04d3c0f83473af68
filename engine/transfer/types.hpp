#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <weft/base/clock.hpp>
#include <weft/base/ids.hpp>
#include <weft/base/lane_name.hpp>
#include <weft/base/result.hpp>
#include <weft/lane/lane.hpp>
#include <weft/memory/landing_pool.hpp>
#include <weft/tensor/selection.hpp>
#include <weft/tensor/slice.hpp>
#include <weft/tensor/tensor_meta.hpp>
#include <weft/transfer/entry.hpp>
#include <weft/transfer/slab.hpp>
#include <weft/wire/message.hpp>

/// The words between the core and whoever drives it. All values; nothing here acts.
namespace weft::transfer {

struct TransferKey : Key {};
struct AttachmentKey : Key {};
struct SessionKey : Key {};

/// A rail of a session by number; 0 is the session's own stream.
struct RailRef {
  SessionKey session{};
  std::uint16_t number = 0;
  auto operator<=>(const RailRef&) const = default;
};

/// When a call ends. Automatic: 30 s without progress, and in any case 30 s plus the announced size at 1 MiB/s.
struct Bound {
  std::optional<TimePoint> explicit_end{};
};

// ---- what a user asks for ------------------------------------------------------------------------------------------

/// Which part of a tensor travels.
struct PartSpec {
  wire::PartKind kind = wire::PartKind::kWhole;
  std::vector<wire::RangeSpec> ranges{};
  std::uint32_t axis = 0;
  std::vector<wire::RunSpec> runs{};
  std::vector<std::uint32_t> indices{};
};

/// Where an item of a pull lands when the caller brings the memory. `selection` says how: its dense order is the order
/// of what travels, its offsets count from `data`; whole and contiguous for a plain destination.
struct Into {
  std::byte* data = nullptr;
  std::size_t size = 0;
  TensorMeta meta{};                     ///< what the caller expects; a mismatch fails the item
  std::optional<Selection> selection{};  ///< absent: dense from `data`
};

/// An earlier answer's reference.
struct HandleSpec {
  Incarnation incarnation{};
  std::uint32_t index = 0;
  Generation generation{};
};

struct PullSpec {
  NodeId peer{};
  std::vector<std::string> names{};
  std::vector<HandleSpec> handles{};  ///< instead of names
  std::vector<PartSpec> parts{};      ///< none: whole; one for all; or one per item
  wire::GenerationRule generation{};
  std::vector<Into> into{};  ///< none, or one per item
  Bound bound{};
  Lane lane = Lane::kAuto;
  wire::Verify verify = wire::Verify::kPieces;
  /// With one handle: bytes of what travels, known from an earlier answer. Then the grant goes out with the request,
  /// and the bytes come after one round trip. 0: not known.
  std::uint64_t known_bytes = 0;
  std::uint64_t max_bytes = 0;  ///< refuse more before anything is allocated; 0: the core's limit
  std::string trace{};
  std::uint64_t cookie = 0;  ///< comes back in the outcome
};

struct ListSpec {
  NodeId peer{};
  std::string pattern = "*";
  Bound bound{};
  std::uint64_t cookie = 0;
};

struct PushSpec {
  NodeId peer{};
  EntryRef entry{};  ///< name, meta, memory and the generation drawn for it
  Bound bound{};
  Lane lane = Lane::kAuto;
  wire::Verify verify = wire::Verify::kPieces;
  std::string trace{};
  std::uint64_t cookie = 0;
};

struct PingSpec {
  NodeId peer{};
  Bound bound{};
  std::uint64_t cookie = 0;
};

// ---- what the core asks of its driver
// --------------------------------------------------------------------------------

/// No session to this peer: make one (session_up or dial_failed follows). Asked once until answered.
struct NeedSession {
  NodeId peer{};
};
/// A landing of so many bytes for a transfer; on_landing follows.
struct TakeLanding {
  TransferKey transfer{};
  std::uint64_t bytes = 0;
};
/// Fill `into` with the bytes of the ranges of a file, one after the other; on_prepared follows.
struct Prepare {
  struct Read {
    std::uint64_t offset = 0;
    std::uint32_t length = 0;
  };
  TransferKey transfer{};
  std::uint32_t piece = 0;
  std::uint32_t staging = 0;
  std::byte* into = nullptr;
  std::shared_ptr<FileSource> file{};
  std::vector<Read> reads{};
};
/// Expose memory to a rail's peer; on_exposed follows.
struct Expose {
  TransferKey transfer{};
  RailRef rail{};
  lane::Region region{};
};
/// Register memory that is gathered from with a lane; on_attached follows. The memory lives until that is answered, and
/// as long as the attachment.
struct Attach {
  AttachmentKey attachment{};
  Lane lane = Lane::kAuto;
  lane::Region region{};
};
/// Somebody pushes: on_decision follows, now or later (an offer nobody takes yet is held without bytes).
struct AskOffer {
  TransferKey transfer{};
  NodeId from{};
  std::string name{};
  TensorMeta meta{};
  std::uint64_t bytes = 0;
  Generation generation{};
};
/// A held offer is gone (cancelled, its session lost, its deadline passed).
struct OfferGone {
  TransferKey transfer{};
};
/// Open a listener for a rail the peer wants to dial; on_rail_listening follows.
struct ListenRail {
  RailRef rail{};
  Lane lane = Lane::kAuto;
};
struct DialRail {
  RailRef rail{};
  Lane lane = Lane::kAuto;
  std::string address{};
  std::uint64_t nonce = 0;
};
/// The fence. on_rail_down follows.
struct CloseRail {
  RailRef rail{};
};
struct CloseSession {
  SessionKey session{};
  Error why;
};
using Action = std::variant<NeedSession, TakeLanding, Prepare, Expose, Attach, AskOffer, OfferGone, ListenRail,
                            DialRail, CloseRail, CloseSession>;

// ---- what comes of it
// ------------------------------------------------------------------------------------------------

/// What one item of a pull came to.
struct PulledItem {
  std::optional<Error> error{};
  std::string name{};
  TensorMeta meta{};
  std::uint64_t offset = 0;  ///< in the landing; 0 with `into`
  std::uint64_t bytes = 0;
  Generation generation{};
  std::uint32_t index = 0;
  Digest digest{};
};
/// A tensor's bytes, whole and verified. `landing` is empty when the caller brought the memory for every item.
struct Pulled {
  NodeId from{};
  Incarnation incarnation{};
  Lane lane = Lane::kAuto;
  wire::Verify verify = wire::Verify::kPieces;
  memory::Landing landing{};
  std::vector<PulledItem> items{};
};
struct ListedEntry {
  std::string name{};
  TensorMeta meta{};
  std::uint64_t bytes = 0;
  Generation generation{};
  std::uint32_t index = 0;
};
struct Listed {
  NodeId from{};
  Incarnation incarnation{};
  std::string host_name{};
  std::vector<ListedEntry> entries{};
};
struct Pushed {
  std::uint64_t bytes = 0;
  Generation generation{};
  Digest digest{};
  Lane lane = Lane::kAuto;
  wire::Verify verify = wire::Verify::kPieces;
};
/// A push that arrived here, whole and verified; its receipt has been queued.
struct Received {
  NodeId from{};
  TransferId id{};
  Lane lane = Lane::kAuto;
  wire::Verify verify = wire::Verify::kPieces;
  memory::Landing landing{};  ///< empty when the decision brought the memory
  PulledItem item{};
};
/// A push that did not arrive after its offer was accepted.
struct ReceiveFailed {
  Error error;
};
struct Pinged {
  Duration round_trip{};
  std::int64_t skew_ns = 0;  ///< the peer's wall clock minus ours, halfway
  std::string host_name{};
  Incarnation incarnation{};
  std::uint16_t version = 0;
};
struct Outcome {
  TransferKey transfer{};
  std::uint64_t cookie = 0;
  TransferId id{};
  std::variant<std::monostate, Error, Pulled, Listed, Pushed, Received, ReceiveFailed, Pinged> result{};
};

/// How far a transfer is.
struct Progress {
  std::uint64_t done = 0;
  std::uint64_t total = 0;
};

/// The application's word on an offer.
struct Accept {
  std::byte* into = nullptr;  ///< null: a pooled landing
  std::size_t size = 0;
};
using Decision = std::variant<Accept, Error>;

// ---- posts
// -----------------------------------------------------------------------------------------------------------

/// One thing for a lane to send or write now. Spans point into the core until `posted` is called.
struct Post {
  bool is_message = false;
  std::span<const lane::Gather> gather{};
  std::span<const lane::RemoteRange> remote{};
  std::optional<std::uint32_t> immediate{};
  lane::Token token = 0;
};

}  // namespace weft::transfer
