#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <weft/transfer/access.hpp>
#include <weft/transfer/catalog.hpp>
#include <weft/transfer/grains.hpp>
#include <weft/transfer/types.hpp>

namespace weft::transfer {

/// How quickly a silent peer is found. Heartbeats ride the session's stream; any traffic counts.
struct Liveness {
  Duration heartbeat = std::chrono::milliseconds(500);
  Duration silent_after = std::chrono::seconds(3);
};

struct CoreOptions {
  NodeId self{};
  Incarnation incarnation{};
  HostId host{};
  std::string host_name{};
  Access access = Access::local();
  Liveness liveness{};
  std::uint64_t piece_bytes = kLeafBytes;  ///< of this node's lanes; a session takes the smaller of both sides'
  std::uint64_t max_transfer_bytes = kMaxTensorBytes;
  std::uint32_t staging_buffers = 64;          ///< pieces read from files or packed at a time
  std::function<std::uint64_t()> random{};     ///< unpredictable 64 bits
  std::function<std::int64_t()> wall_clock{};  ///< ns since 1970, for the skew that ping shows; may be empty
};

/// A session whose stream is authenticated and up.
struct SessionSpec {
  NodeId peer{};
  bool dialled = false;  ///< by us
  bool same_host = false;
  std::optional<Error> refuse{};  ///< why it is closed as soon as its hello was heard
  std::string local_host{};       ///< numeric: where the peer reached us, or we left from; for rails that listen wide
  lane::Traits stream{};          ///< of the lane that carries it; its writes are rail 0
  std::vector<wire::LaneOffer> rail_lanes{};  ///< lanes this session may open rails on (trust decided already)
  std::array<std::byte, 16> id{};             ///< drawn by the dialler; the acceptor learns it from hello
  std::string address{};                      ///< of the peer, as the session goes; for people
};

/// What `sessions` shows of each.
struct SessionInfo {
  SessionKey key{};
  std::string address{};
  NodeId peer{};
  Incarnation incarnation{};
  std::string host_name{};
  bool dialled = false;
  bool same_host = false;
  bool established = false;  ///< hello was heard
  bool closing = false;      ///< it takes nothing new
  std::size_t transfers = 0;
  TimePoint idle_since{};
  std::vector<Lane> rails{};                            ///< up, best first
  std::vector<Lane> offered{};                          ///< both sides have them and this session may use them
  std::vector<std::pair<Lane, std::string>> refused{};  ///< lanes that could have been rails, and why they are not
};

/// Counters that only grow; gauges are said so.
struct CoreStats {
  std::uint64_t pulls = 0, pushes = 0, serves = 0, receives = 0;
  std::uint64_t failed = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::uint64_t pieces_reasked = 0, integrity_failures = 0, stale = 0, stray_arrivals = 0;
  std::uint64_t rail_messages = 0;   ///< of small exchanges, said on rails
  std::uint64_t transfers_live = 0;  ///< gauge
  std::uint64_t slots_free = 0;      ///< gauge
  std::uint64_t held_offers = 0;     ///< gauge
  std::uint64_t staging_taken = 0;   ///< gauge
  std::uint64_t attached = 0;        ///< gauge: registrations of memory, those of staging left out
};

/// The transfer protocol: every session and transfer of one loop, as one state machine. It does no I/O, starts no
/// thread and reads no clock: inputs and the time go in by the `on_…` members, work is pulled out by `peek`,
/// `next_action`, `next_outcome` and `next_timer` (docs/protocol.md). It is asked for posts when a rail has room and
/// never pushes, so that back-pressure is its own. One loop owns it; no member may be called from another thread.
class Core {
 public:
  Core(CoreOptions options, const Catalog& catalog);
  ~Core();
  Core(Core&&) noexcept;
  Core& operator=(Core&&) = delete;

  /// Looks at the catalog as it is now, and gives what was looked at before: dropping that may free much memory.
  std::shared_ptr<const CatalogSnapshot> refresh_catalog();

  // What users ask. Each yields exactly one Outcome, whatever happens.
  TransferKey pull(PullSpec spec, TimePoint now);
  TransferKey list(ListSpec spec, TimePoint now);
  TransferKey push(PushSpec spec, TimePoint now);
  TransferKey ping(PingSpec spec, TimePoint now);
  /// Ends a call early; its outcome says `why`. With the caller's own memory the outcome waits until no write can reach
  /// it any more (≤ 250 ms).
  void cancel(TransferKey transfer, ErrorClass why, TimePoint now);
  /// Ends every transfer that reads this entry: its loan is being dropped.
  void cancel_reading(const Entry& entry, TimePoint now);
  /// Every open call ends ShuttingDown; peers are told `bye`. New calls fail.
  void shut_down(TimePoint now);
  bool shutting_down() const noexcept;
  Progress progress(TransferKey transfer) const;
  /// Its name on the wire; zero for one that is over.
  TransferId id(TransferKey transfer) const;

  // Sessions.
  SessionKey session_up(SessionSpec spec, TimePoint now);
  /// The stream is gone (its channel's Down).
  void session_down(SessionKey session, const Error& why, TimePoint now);
  /// Something of the peer came, though perhaps no whole message.
  void heard(SessionKey session, TimePoint now);
  void dial_failed(const NodeId& peer, const Error& why, TimePoint now);
  /// Says bye and closes; for idle eviction and revoked access.
  void close_session(SessionKey session, const Error& why, TimePoint now);
  std::vector<SessionInfo> sessions() const;
  std::optional<SessionInfo> session(SessionKey key) const;
  std::optional<SessionKey> session_with(const NodeId& peer) const;
  /// The 16 bytes that name the session in passes; none before hello.
  std::optional<std::array<std::byte, 16>> session_id(SessionKey key) const;

  // Rails.
  void on_rail_listening(RailRef rail, const Result<std::string>& address, TimePoint now);
  /// Whether this pass opens this rail: once, within 2 s of the answer that carried its nonce.
  bool admit_rail(SessionKey session, std::uint16_t number, std::uint64_t nonce, TimePoint now);
  void on_rail_up(RailRef rail, const lane::Traits& traits, TimePoint now);
  void on_rail_down(RailRef rail, const Error& why, TimePoint now);

  // Lane events.
  void on_message(SessionKey session, std::span<const std::byte> frame, TimePoint now);
  /// One that rode a rail: what may be lost with it only. Anything else closes that rail.
  void on_rail_message(RailRef rail, std::span<const std::byte> frame, TimePoint now);
  /// `rail` where the lane's arrivals are attributed.
  void on_arrived(std::uint32_t immediate, std::optional<RailRef> rail, TimePoint now);
  void on_finished(lane::Token token, bool failed, TimePoint now);

  // Answers to actions.
  void on_landing(TransferKey transfer, Result<memory::Landing> landing, TimePoint now);
  void on_prepared(TransferKey transfer, std::uint32_t piece, Result<void> result, TimePoint now);
  void on_exposed(TransferKey transfer, RailRef rail, Result<lane::ExposurePtr> exposure, TimePoint now);
  void on_attached(AttachmentKey attachment, Result<std::unique_ptr<lane::Attachment>> attached, TimePoint now);
  void on_decision(TransferKey transfer, Decision decision, TimePoint now);

  // Grains: rings that others write, and rings of others that are written.
  /// InvalidArgument for a shape that cannot be; Exists: a ring of that name is there.
  Result<RingKey> open_ring(RingSpec spec);
  /// Initiators are told and fenced; GrainRingClosed follows.
  void close_ring(RingKey ring, TimePoint now);
  /// The reader of a complete grain is done with it. False: that slot is not held.
  bool release_slot(RingKey ring, std::uint32_t slot, TimePoint now);
  /// FeedUp follows, or an outcome that says why not. Its outcome comes when it is over, after every GrainEnded.
  TransferKey open_feed(const FeedSpec& spec, TimePoint now);
  /// Queues a send; GrainEnded follows. False: the feed is over, or ends.
  bool send_grain(TransferKey feed, const GrainSpec& spec);
  /// Ends it once all that was sent is over. To end it at once: `cancel`.
  void leave_feed(TransferKey feed, TimePoint now);
  std::optional<GrainEvent> next_grain_event();

  void on_timer(TimePoint now);
  TimePoint next_timer() const;

  /// What to post on this rail now, or null. `room` is the lane's room for writes; messages need none. The answer is
  /// valid until the next call of any member. When the lane took it, say `posted` before anything else.
  const Post* peek(RailRef rail, std::uint64_t room, TimePoint now);
  void posted(TimePoint now);
  /// The lane did not take the message that was peeked for a rail: it goes on the stream.
  void declined(TimePoint now);
  /// A rail that may have something to post, in turn over peers; it is then taken off the list until it has more.
  std::optional<RailRef> next_ready_rail();
  /// Puts a rail back at the end of the list: the driver stopped before peek said null, for fairness.
  void still_ready(RailRef rail);

  /// Whether pieces move or are about to. If not, rails have nothing to say but that they come and go.
  /// No piece of this rail is at its lane.
  bool nothing_posted(RailRef rail) const;
  bool moves_pieces() const noexcept;
  /// As `stats` says.
  std::uint64_t bytes_in() const noexcept;
  /// Whether something is open that a message on a session's stream may end soon; rings of grains are not.
  bool awaits_messages() const noexcept;

  std::optional<Action> next_action();
  std::optional<Outcome> next_outcome();
  /// Takes back what an outcome still holds once its user has had it: lists are kept for the next one.
  void recycle(Outcome&& outcome);

  CoreStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::transfer
