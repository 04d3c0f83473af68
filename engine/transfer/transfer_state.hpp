#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <weft/transfer/grain_state.hpp>
#include <weft/transfer/source_state.hpp>
#include <weft/transfer/target_state.hpp>

/// A transfer of any role and the posts made for it, as the core keeps them; nothing outside engine/transfer includes
/// this.
namespace weft::transfer {

enum class Role : std::uint8_t { kPull, kList, kPing, kServe, kPush, kReceive, kFeed, kMember };
enum class Phase : std::uint8_t {
  kNew,
  kWaitSession,
  kWaitRoom,    // the peer takes no more open transfers
  kWaitAnswer,  // request, offer, listing or ping is out
  kWaitGrant,   // source: offered, nothing posted
  kHeld,        // push at the receiver: nobody takes it yet
  kWaitLanding,
  kWaitSlots,
  kMoving,
  kWaitReceipt,
  kQuieting,  // receiver: over, but writes could still land
  kDraining,  // sender: over, but posts still use the memory
};

struct Transfer {
  TransferKey key{};
  Role role = Role::kPull;
  Phase phase = Phase::kNew;
  TransferId id{};
  std::uint64_t cookie = 0;
  NodeId peer{};
  SessionKey session{};
  std::optional<Incarnation> incarnation{};  // of the peer that first heard of it
  Lane lane = Lane::kAuto;                   // asked for
  Lane used = Lane::kAuto;
  wire::Verify verify = wire::Verify::kPieces;
  bool told = false;     // its outcome was given (or there is none to give)
  bool counted = false;  // among its session's open ones
  bool cancel_sent = false;
  bool accepted = false;         // a pushed offer the application took
  bool starving = false;         // stands in the ring of those without slots
  bool hurried = false;          // source: a caller waits for its memory
  std::optional<Error> error{};  // of the outcome to come
  TimePoint opened{};
  TimePoint progress_at{};
  TimePoint explicit_end = kNever;
  TimePoint session_lost_at = kNever;
  TimePoint phase_since{};
  TimePoint arrival_at{};
  TimePoint look_at{};           // waiting for slots, a lane or a better one: when to try again
  TimePoint scheduled = kNever;  // its place's entry in the timers: outlives it, and serves the next transfer there
  std::uint64_t total = 0;
  std::uint32_t tries = 0;
  PullSpec pull{};
  ListSpec list{};
  EntryRef entry{};  // push: what is sent
  std::vector<ListedEntry> listed{};
  std::uint64_t listed_attribute_bytes = 0;
  std::uint64_t nonce = 0;
  std::string name{};                 // receive: offered name
  std::unique_ptr<GrainFeed> feed{};  // kFeed: the initiator's end of a ring
  RingKey ring{};                     // kMember: at the target, which ring and which share of it
  std::uint32_t share = 0;
  std::uint16_t by_rail = 0;  // the rail that its first message went over or came by; 0: the stream
  Target target{};
  Source source{};
  bool is_source() const noexcept { return role == Role::kServe || role == Role::kPush || role == Role::kFeed; }
  bool ours() const noexcept { return role != Role::kServe && role != Role::kReceive && role != Role::kMember; }
  void reset();
};

/// A post between `peek` and Finished: the message's bytes, or which piece of what.
struct PostRecord {
  bool is_message = false;
  SessionKey session{};
  std::uint16_t rail = 0;
  TransferKey transfer{};
  std::int32_t staging = -1;
  std::uint64_t bytes = 0;
  std::vector<std::byte> message{};
  void reset();
};

}  // namespace weft::transfer
