#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include <weft/base/flat_map.hpp>
#include <weft/transfer/attachments.hpp>
#include <weft/transfer/core.hpp>
#include <weft/transfer/once.hpp>
#include <weft/transfer/ring.hpp>
#include <weft/transfer/session_state.hpp>
#include <weft/transfer/slab.hpp>
#include <weft/transfer/slots.hpp>
#include <weft/transfer/staging.hpp>
#include <weft/transfer/timers.hpp>
#include <weft/transfer/transfer_state.hpp>
#include <weft/wire/codec.hpp>

/// The core's own state; nothing outside engine/transfer includes this.
namespace weft::transfer {

inline constexpr Duration kAutomaticBound = std::chrono::seconds(30);
inline constexpr std::uint64_t kAutomaticRate = 1024 * 1024;  // bytes a second that a large transfer is owed
inline constexpr Duration kRetryWithin = std::chrono::seconds(1);
inline constexpr Duration kFenceInto = std::chrono::milliseconds(200);
inline constexpr Duration kFencePooled = std::chrono::seconds(3);
inline constexpr Duration kRailStall = std::chrono::seconds(2);
inline constexpr Duration kArrivalStall = std::chrono::seconds(1);
inline constexpr Duration kPassLives = std::chrono::seconds(2);
inline constexpr Duration kOfferGrace = std::chrono::seconds(3);
inline constexpr int kMaxRails = 16;                               // of a session, by any side
inline constexpr std::uint32_t kDigestsEvery = 64;                 // pieces
inline constexpr Duration kLaneComesUp = std::chrono::seconds(2);  // for a lane that was asked for by name
inline constexpr std::size_t kReadAhead = 4;                       // pieces prepared before they are asked for
inline constexpr std::size_t kMaxListed = 4 * kMaxBatchItems;
inline constexpr std::uint64_t kMaxListedAttributeBytes = 1ull << 30;  // of a listing: keys, values and their keeping
inline constexpr std::uint64_t kAttributeBytes = 128;                  // of an attribute but for its texts, in memory
inline constexpr std::size_t kMaxQueuedMessages = 8192;                // to a peer that does not read
inline constexpr std::uint64_t kMaxQueuedBytes = 4 * kMaxMessageBytes;
inline constexpr std::size_t kMaxHeldItems = 2 * kMaxBatchItems;  // of one peer's open requests

struct PeerState {
  SessionKey session{};
  bool asked = false;    // NeedSession is out
  bool several = false;  // processes with this key may have sessions: the newest that we dialled, else the newest
};

class Core::Impl {
 public:
  Impl(CoreOptions options, const Catalog& catalog);

  // opener.cpp: what users ask, until the peer has answered
  TransferKey pull(PullSpec spec, TimePoint now);
  TransferKey list(ListSpec spec, TimePoint now);
  TransferKey push(PushSpec spec, TimePoint now);
  TransferKey ping(PingSpec spec, TimePoint now);
  Transfer& open(Role role, const NodeId& peer, const Bound& bound, std::uint64_t cookie, TimePoint now);
  void attach(Transfer& t, TimePoint now);  // to a session, or ask for one
  void send_opening(Transfer& t, Session& s, TimePoint now);
  void send_request(Transfer& t, Session& s, TimePoint now, const wire::Grant* grant = nullptr);
  void send_push_offer(Transfer& t, Session& s, TimePoint now, bool again = false);

  // ending.cpp: how calls end
  void cancel(TransferKey key, ErrorClass why, TimePoint now);
  void cancel_reading(const Entry& entry, TimePoint now);
  void shut_down(TimePoint now);
  void lose_session(Transfer& t, const Error& why, TimePoint now);
  void fail(Transfer& t, Error error, TimePoint now);  // ends it, whatever its role and phase
  void tell(Transfer& t, decltype(Outcome::result) result);
  void finish(Transfer& t);  // forgets it
  Error deadline_error(const Transfer& t, TimePoint now);
  Error lost_error(const Transfer& t, const Error& why) const;

  // sessions.cpp
  SessionKey session_up(SessionSpec spec, TimePoint now);
  void session_down(SessionKey key, const Error& why, TimePoint now);
  void drop_session(Session& s);
  void dial_failed(const NodeId& peer, const Error& why, TimePoint now);
  void close_session(SessionKey key, const Error& why, TimePoint now);
  void on_hello(Session& s, const wire::Hello& hello, TimePoint now);
  void attach_waiting(const NodeId& peer, TimePoint now);
  void detach_peer(const Session& s);
  void on_ping(Session& s, const wire::Ping& ping, TimePoint now);
  void on_bye(Session& s, const wire::Bye& bye, TimePoint now);
  void session_timer(Session& s, TimePoint now);
  void leave_room(Session& s, TimePoint now);  // an open transfer ended: let the next one go
  Transfer& open_theirs(Role role, Session& s, std::uint64_t sequence, TimePoint now);
  Session* session_of(const Transfer& t);
  SessionInfo info(Session& s) const;

  // rails.cpp
  Rail* rail(Session& s, std::uint16_t number);
  void want_rail(Session& s, Lane asked, TimePoint now);
  void on_rail_request(Session& s, const wire::RailRequest& m, TimePoint now);
  void on_rail_listening(RailRef ref, const Result<std::string>& address, TimePoint now);
  bool admit_rail(SessionKey session, std::uint16_t number, std::uint64_t nonce, TimePoint now);
  void on_rail_up(RailRef ref, const lane::Traits& traits, TimePoint now);
  void on_rail_down(RailRef ref, const Error& why, TimePoint now);
  void close_rail(Session& s, Rail& r, const std::string& why, TimePoint now);
  void set_ready(Session& s, Rail& r);
  void set_ready(Session& s, std::uint16_t number);

  // messages.cpp
  /// `by` names a rail it may ride, where that takes it; `said_by_` tells whether it did.
  void send(Session& s, const wire::Message& message, TimePoint now, std::span<const std::byte> payload = {},
            TransferKey owner = {}, std::uint16_t by = 0);
  /// Like send, with `payload_bytes` to be filled by the caller; null when it could not be encoded.
  std::byte* send_with_payload(Session& s, const wire::Message& message, std::size_t payload_bytes, TimePoint now,
                               TransferKey owner, std::uint16_t by = 0);
  void on_message(SessionKey key, std::span<const std::byte> frame, TimePoint now);
  void on_arrived(std::uint32_t immediate, std::optional<RailRef> rail, TimePoint now);
  void on_finished(lane::Token token, bool failed, TimePoint now);
  Transfer* find(Session& s, wire::TransferRef ref);
  wire::TransferRef ref_of(const Transfer& t) const;
  const Post* peek(RailRef ref, std::uint64_t room, TimePoint now);
  void posted(TimePoint now);

  // exchange.cpp: small exchanges on rails that carry messages
  void on_rail_message(RailRef ref, std::span<const std::byte> frame, TimePoint now);
  std::uint16_t exchange_rail(const Session& s, Lane asked) const;
  bool queue_on_rail(Session& s, std::uint16_t number, Key message);
  void exchange_declined(Session& s, Rail& r);
  void exchanges_lost(Session& s, Rail& r, TimePoint now);
  void note_cancel(Session& s, std::uint64_t sequence);
  bool was_cancelled(const Session& s, std::uint64_t sequence) const;
  void remember_refusal(const Session& s, std::uint64_t sequence, const Error& why, TimePoint now);
  static bool bye_waits(Session& s);

  // server.cpp: requests from peers; `by`: the rail it came by, and the answer goes by
  void on_request(Session& s, const wire::Request& m, TimePoint now, std::uint16_t by);
  void answer_listing(Session& s, const wire::Request& m, TimePoint now);
  Error resolve(Session& s, const CatalogSnapshot& catalog, const wire::Request& m, std::size_t i, SourceItem& item,
                bool& ok);
  void fill_answer(const SourceItem& item, wire::EntryAnswer& answer);
  std::string suggestion(Session& s, const CatalogSnapshot& catalog, std::string_view name, TimePoint now);
  void answer_failure(Session& s, wire::TransferRef ref, const Error& error, TimePoint now);

  // inbox.cpp: pushes from peers
  void on_push_offer(Session& s, const wire::Offer& m, std::span<const std::byte> payload, TimePoint now,
                     std::uint16_t by);
  void on_decision(TransferKey key, Decision decision, TimePoint now);
  void send_receipt(Session& s, Transfer& t, TimePoint now);
  OnceTable::Known outcome_of(const Transfer& t) const;

  // target.cpp: the receiving half
  void on_response(Session& s, const wire::Response& m, std::span<const std::byte> payload, TimePoint now,
                   std::uint16_t by);
  void on_listing(Session& s, Transfer& t, const wire::Response& m, TimePoint now);
  void on_pull_offer(Session& s, Transfer& t, const wire::Offer& m, TimePoint now);
  Result<void> take_answers(Transfer& t, std::span<const wire::EntryAnswer> entries, bool under_grant = false);
  void prepare_leaves(Target& target);
  static bool lands_directly(const Into& into);
  Result<void> check_into(Transfer& t);
  void want_landing(Transfer& t, TimePoint now);
  void on_landing(TransferKey key, Result<memory::Landing> landing, TimePoint now);
  void finish_inline(Transfer& t, TimePoint now);
  void complete(Transfer& t, TimePoint now);
  void deliver(Transfer& t, TimePoint now);

  // early.cpp: pulls whose grant goes out with the request
  bool begin_early(Transfer& t, Session& s, TimePoint now);
  void on_granted(Session& s, Transfer& t, const wire::Response& m, TimePoint now);
  bool void_early(Transfer& t, TimePoint now);

  // rounds.cpp: grants, arrivals, last words, quiet
  void open_round(Transfer& t, TimePoint now);
  enum class Exposed : std::uint8_t { kAsked, kNoRail, kNoSlot };
  Exposed expose_rails(Transfer& t, Session& s, TimePoint now);
  bool expose_rail(Transfer& t, Session& s, const Rail& r);
  void wait_to_open(Transfer& t, Duration look_in, TimePoint now);
  void on_exposed(TransferKey key, RailRef rail, Result<lane::ExposurePtr> exposure, TimePoint now);
  void send_grant(Transfer& t, TimePoint now);
  void join_rail(Session& s, std::uint16_t number, TimePoint now);
  void join(Transfer& t, Session& s, const Rail& r);
  void on_digests(Transfer& t, const wire::Digests& m, TimePoint now);
  void on_done(Transfer& t, const wire::Done& m, TimePoint now);
  void piece_arrived(Transfer& t, std::uint32_t piece, bool hash_now, TimePoint now);
  void hash_piece(Transfer& t, std::uint32_t piece);
  void scatter_piece(Transfer& t, std::uint32_t piece);
  void hear_leaves(Transfer& t, std::uint32_t first, std::span<const std::uint64_t> leaves);
  void check_round(Transfer& t, TimePoint now);
  void close_round(Transfer& t);
  bool round_quiet(const Transfer& t) const;
  void fence(Transfer& t, TimePoint now);
  void begin_quieting(Transfer& t, TimePoint now);
  bool piece_bad(Transfer& t, std::uint32_t piece) const;

  // sender.cpp: the sending half
  void on_grant(Session& s, Transfer& t, const wire::Grant& m, TimePoint now);
  void activate(Session& s, Transfer& t);
  void deactivate(Session& s, Transfer& t);
  bool build_write(Session& s, Rail& r, Transfer& t, TimePoint now);
  bool take_piece(Session& s, Transfer& t, SourceRail& sr, TimePoint now);
  void hash_source_piece(Session& s, Transfer& t, std::uint32_t piece, const std::byte* staging, TimePoint now);
  void flush_digests(Session& s, Transfer& t, TimePoint now);
  void maybe_done(Session& s, Transfer& t, TimePoint now);
  void send_done(Session& s, Transfer& t, const std::optional<Error>& error, TimePoint now);
  static void hear_refusal(Transfer& t, ErrorClass why);
  void on_receipt(Session& s, Transfer& t, const wire::Receipt& m, TimePoint now);
  void end_source(Transfer& t, std::optional<Error> error, TimePoint now);
  void maybe_drained(Transfer& t, TimePoint now);
  void source_rail_down(Session& s, Transfer& t, std::uint16_t number, TimePoint now);

  // feed.cpp: the initiator of grains
  TransferKey open_feed(const FeedSpec& spec, TimePoint now);
  bool send_grain(TransferKey key, const GrainSpec& spec);
  void leave_feed(TransferKey key, TimePoint now);
  void send_ring(Transfer& t, Session& s, TimePoint now);
  void on_slots(Session& s, Transfer& t, const wire::Slots& m, TimePoint now);
  void on_credit(Session& s, Transfer& t, const wire::Credit& m, TimePoint now);
  void hear_arrivals(Transfer& t, std::uint64_t granted, std::uint64_t arrived);
  void end_arrived(Transfer& t);
  void drop_send(GrainFeed& f);
  void drop_over(GrainFeed& f);
  void feed_rail_down(Session& s, Transfer& t, std::uint16_t number);
  void maybe_left(Transfer& t, TimePoint now);
  void end_sends(Transfer& t);
  void expire_sends(Transfer& t, TimePoint now);

  // grain_move.cpp: a ring that goes over to a better rail
  static Rail* best_rail(Session& s, Lane lane);
  Lane lane_of_ring(const Transfer& t);
  void look_later(Transfer& t, const Session& s, TimePoint now);
  void look_for_rail(Transfer& t, TimePoint now);
  void move_share(Transfer& t, Session& s);
  void note_move(Transfer& t, const RoundRail& to);
  void moved(Transfer& t, RingShare& share, const RoundRail& to);
  void stay(Transfer& t, TimePoint now);
  void hear_move(Session& s, Transfer& t, GrainWay&& way, const wire::Slots& m, TimePoint now);
  void maybe_move(Session& s, Transfer& t);
  void take_way(Session& s, Transfer& t, GrainWay&& way);

  // feed_here.cpp: the initiator of grains at a ring of its own node
  void join_here(Transfer& t, TimePoint now);
  void want_copy(Transfer& t);  // in this turn or the next
  void copy_grains(TimePoint now);
  void write_here(Transfer& t, TimePoint now);

  // grain_post.cpp: the initiator of grains, at its rail
  bool may_go(Transfer& t, GrainSend& send);
  bool place(GrainFeed& f, GrainSend& send);
  bool pass_over(Transfer& t, TimePoint now);
  bool build_grain(Session& s, Rail& r, Transfer& t, TimePoint now);
  bool attach_feed(Session& s, Rail& r, GrainFeed& f, TimePoint now);
  void let_go_feed(GrainFeed& f);
  void grain_posted(Transfer& t);

  // grain_ring.cpp: the target of grains
  Result<RingKey> open_ring(RingSpec spec);
  void close_ring(RingKey key, TimePoint now);
  void maybe_closed(GrainRing& ring);
  GrainRing* ring_with(const RingToken& token);
  struct RingShape {
    RingToken token{};
    std::uint32_t grains = 0, slices = 0;
    std::uint64_t grain_bytes = 0;
  };
  struct RingPlace {
    GrainRing* ring = nullptr;
    std::uint32_t share = 0;
  };
  Result<RingPlace> free_share(const RingShape& shape);
  void on_ring(Session& s, const wire::RingOpen& m, TimePoint now);
  RingShare* share_of(const Transfer& t);
  void open_share(Transfer& t, TimePoint now);
  void on_region_exposed(Transfer& t, RailRef rail, Result<lane::ExposurePtr> exposure, TimePoint now);
  bool expose_share(Transfer& t, const Session& s, const Rail& r);
  void send_slots(Transfer& t, const RoundRail& rr, TimePoint now);
  void check_share(Transfer& t, TimePoint now);
  void grain_arrived(Transfer& t, RoundRail& rr, std::uint32_t place, TimePoint now);
  void take_arrival(GrainRing& ring, RingShare& share, const GrainHeader& header, const NodeId& from);
  bool release_slot(RingKey key, std::uint32_t slot, TimePoint now);
  void leave_share(Transfer& t);

  // grain_credit.cpp: what a target tells of arrivals and slots
  void credit(Transfer& t, RingShare& share, TimePoint now);
  Rail* credit_rail(const Transfer& t, Session& s);
  void say_credit(Transfer& t, Session& s, RingShare& share, TimePoint now);
  bool build_credit(Session& s, Rail& r);
  void credit_posted(Rail& r, TimePoint now);
  void declined(TimePoint now);
  void credit_lost(Transfer& t, Session& s, TimePoint now);
  void credit_timer(Transfer& t, TimePoint now);

  // read_ahead.cpp: pieces that go through staging
  void read_ahead(Transfer& t);
  void wake_readers();  // a staging buffer came back
  bool next_wanted(Source& src, std::uint32_t& piece);
  void on_prepared(TransferKey key, std::uint32_t piece, Result<void> result, TimePoint now);

  // attach.cpp: memory that is registered before it is posted from
  Key attachment_of(Transfer& t, Lane lane, std::uint32_t item);
  void* descriptor_of(Transfer& t, const Rail& r, const SourceRail& sr, std::uint32_t item);
  bool attach_piece(Session& s, Rail& r, Transfer& t, SourceRail& sr, TimePoint now);
  void on_attached(AttachmentKey key, Result<std::unique_ptr<lane::Attachment>> attachment, TimePoint now);
  void let_go_attachments(Source& src);
  void give_up_lane(Session& s, Lane lane, const Error& why, TimePoint now);

  // clock.cpp
  void on_timer(TimePoint now);
  void transfer_timer(Transfer& t, TimePoint now);
  TimePoint wake_at(const Transfer& t);
  void fence_posts(Transfer& t, TimePoint now);
  void schedule(Transfer& t);
  TimePoint end_of(const Transfer& t) const;
  std::uint64_t time_left_ns(const Transfer& t, TimePoint now) const;

  CoreOptions options_;
  const Catalog* catalog_;
  Catalog::Reader reader_;
  Slab<Session> sessions_;
  Slab<Transfer> transfers_;
  Slab<PostRecord> posts_;
  Slab<GrainRing> rings_;
  Slots slots_;
  OnceTable once_;
  Staging staging_;
  Attachments attachments_;  // after staging: they go before the memory they are of
  std::map<NodeId, PeerState> peers_;
  FlatMap<TransferKey> ours_;  // by sequence
  std::uint64_t next_sequence_ = 1;
  Timers timers_;
  Ring<Action> actions_;
  Ring<Outcome> outcomes_;
  Ring<GrainEvent> grain_events_;
  Ring<RailRef> ready_;
  Ring<TransferKey> starving_;  // for slots
  Ring<TransferKey> hungry_;    // for staging
  Ring<TransferKey> copying_;   // feeds of own rings, with something to look at
  wire::Encoder encoder_;
  wire::Decoder decoder_;
  bool shutting_down_ = false;
  std::uint32_t held_ = 0;
  std::size_t grain_transfers_ = 0;  // feeds and members, of all transfers
  std::size_t open_rounds_ = 0;      // at this end as the target
  std::size_t active_sources_ = 0;   // with pieces to post, over all sessions
  std::size_t piece_posts_ = 0;      // not finished
  CoreStats stats_{};

  // Scratch of one call: kept so that nothing is allocated after warm-up.
  std::vector<wire::EntryAnswer> answers_;
  std::deque<std::vector<wire::Attribute>> attributes_;  // of those answers that have any
  std::vector<std::string> texts_;
  std::vector<SourceItem> resolved_;
  std::vector<std::uint64_t> leaf_words_;
  std::vector<wire::RailKey> rail_keys_;
  std::vector<wire::RegionKey> region_keys_;
  std::vector<wire::RailCount> rail_counts_;
  std::vector<wire::LandingSegment> segments_;
  std::vector<std::uint32_t> pages_;
  std::vector<SourceBytes::FileRead> reads_;
  std::vector<std::string_view> names_;
  std::vector<wire::Handle> handles_;
  std::vector<wire::Part> parts_;
  std::vector<PulledItem> spare_items_;

  // What peek built and posted commits.
  struct Pending {
    Post post{};
    RailRef rail{};
    Key message{};
    TransferKey transfer{};
    std::size_t source_rail = 0;
    std::uint64_t next_offset = 0;
    std::uint64_t bytes = 0;
    bool last_of_piece = false;
    bool queued = false;  // a message that stands in a queue
    std::array<lane::Gather, 16> gather{};
    std::array<lane::RemoteRange, 16> remote{};
  } pending_;
  Key spare_post_{};
  Key spare_message_{};
  std::uint16_t said_by_ = 0;  // the rail that the last message was queued on
};

inline bool bit(const std::vector<std::uint64_t>& bits, std::size_t i) { return (bits[i / 64] >> (i % 64)) & 1; }
inline void set_bit(std::vector<std::uint64_t>& bits, std::size_t i) { bits[i / 64] |= std::uint64_t{1} << (i % 64); }
inline void clear_bit(std::vector<std::uint64_t>& bits, std::size_t i) {
  bits[i / 64] &= ~(std::uint64_t{1} << (i % 64));
}
inline void clear_bits(std::vector<std::uint64_t>& bits, std::size_t count) { bits.assign((count + 63) / 64, 0); }

}  // namespace weft::transfer
