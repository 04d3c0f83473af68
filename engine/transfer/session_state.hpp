#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <weft/base/flat_map.hpp>
#include <weft/transfer/core.hpp>
#include <weft/transfer/ring.hpp>
#include <weft/transfer/slab.hpp>

/// A session and its rails, as the core keeps them; nothing outside engine/transfer includes this.
namespace weft::transfer {

struct Rail {
  enum class State : std::uint8_t { kAsked, kListening, kDialling, kUp, kClosing, kDown };
  std::uint16_t number = 0;
  Lane lane = Lane::kAuto;
  lane::Traits traits{};
  State state = State::kAsked;
  bool ready = false;           // stands in the ready ring
  std::uint32_t posts = 0;      // of pieces, not finished
  TimePoint last_finish{};      // or when posts became > 0
  TimePoint since{};            // of the state
  std::uint64_t nonce = 0;      // expected in a pass
  Ring<TransferKey> credits{};  // of grains: to be said on it
  Ring<Key> out{};              // messages of exchanges, waiting for it
  std::uint32_t messages = 0;   // posted, not finished
  bool up() const noexcept { return state == State::kUp; }
};

/// How good a rail is: the larger wins.
inline int rank(Lane lane) noexcept {
  switch (lane) {
    case Lane::kVerbs:
    case Lane::kEfa:
      return 4;
    case Lane::kTcp:
      return 3;
    case Lane::kShm:
      return 5;
    case Lane::kKcp:
      return 1;
    default:
      return 2;
  }
}

/// Rails are in clear: only the networks of RDMA devices, whose peers write each other's memory anyway, are trusted.
inline bool may_carry_exchanges(Lane lane) noexcept { return lane == Lane::kVerbs || lane == Lane::kEfa; }

struct Session {
  SessionSpec spec{};
  SessionKey key{};
  Incarnation incarnation{};
  std::string host_name{};
  std::uint64_t piece_bytes = 0;
  std::uint32_t max_open = 0;
  std::uint64_t max_message = 0;
  bool established = false;
  bool closing = false;
  bool bye_sent = false;
  bool exchanged = false;  // messages may come, or have gone, over rails: from before the first is up
  bool retired = false;    // lost to a crossing dial: ends what it carries, takes nothing new
  std::vector<Rail> rails{};
  std::vector<std::pair<Lane, std::string>> refused{};
  std::uint16_t next_rail = 0;
  Ring<Key> out{};                     // posts waiting for the stream
  FlatMap<TransferKey> theirs{};       // opened by the peer, by sequence
  std::vector<TransferKey> sources{};  // with pieces to post, in turn
  std::size_t turn = 0;
  std::uint32_t open_ours = 0;
  Ring<TransferKey> waiting{};  // for room among open transfers
  TimePoint no_suggestion_until{};
  std::uint64_t queued_bytes = 0;  // of messages in `out`
  std::uint64_t items_held = 0;    // of the peer's open requests
  std::size_t stream_sources = 0;  // of `sources`: those that may use the stream itself
  TimePoint up_since{};
  TimePoint last_heard{};
  TimePoint last_said{};
  TimePoint idle_since{};
  TimePoint close_at = kNever;
  TimePoint bye_until{};  // so long it waits for what rails still have to say
  std::optional<Error> close_why{};
  std::size_t transfers = 0;
  Key bye{};                               // its post, while it is queued
  std::vector<std::uint64_t> cancelled{};  // by the peer: the newest of its sequences
  std::size_t next_cancelled = 0;
  void reset();
  std::string label() const;  // "gpu-07 (k3v9…tq)"
};

}  // namespace weft::transfer
