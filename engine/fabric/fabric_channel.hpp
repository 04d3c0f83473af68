#pragma once

#include <cstdint>
#include <optional>

#include <weft/base/clock.hpp>
#include <weft/fabric/endpoint.hpp>
#include <weft/fabric/receive_credits.hpp>
#include <weft/lane/lane.hpp>

namespace weft::fabric {

/// One connection of a fabric lane. Belongs to the lane's loop.
/// kKnocking → kConnecting → kUp → kEnded, or straight to kEnded; a dial starts at kConnecting.
class FabricChannel {
 public:
  enum class State : std::uint8_t { kKnocking, kConnecting, kUp, kEnded };

  /// Somebody asks to be admitted; `requested` is how to answer.
  static FabricChannel knocking(lane::Channel id, FabricInfo requested, TimePoint deadline);
  static FabricChannel connecting(lane::Channel id, Endpoint endpoint, TimePoint deadline);

  lane::Channel id() const noexcept { return id_; }
  State state() const noexcept { return state_; }
  bool is_pending() const noexcept { return state_ == State::kKnocking || state_ == State::kConnecting; }
  TimePoint deadline() const noexcept { return deadline_; }
  Endpoint& endpoint() noexcept { return *endpoint_; }
  const FabricInfo& requested() const noexcept { return *requested_; }
  /// Whether events about `endpoint` are about this channel. Never once it has ended.
  bool is(const fid* endpoint) const noexcept { return endpoint_ && endpoint != nullptr && fid_ == endpoint; }

  void admitted(Endpoint endpoint);
  void connected() noexcept;
  /// Closes the endpoint, which is the fence, and remembers why. Only the first reason counts.
  void end(Error why) noexcept;
  const Error& why() const noexcept { return *why_; }

  /// Bytes of writes, and writes, posted and not finished.
  std::uint64_t posted_bytes = 0;
  std::uint32_t posts = 0;
  /// Where immediates take receives.
  ReceiveCredits credits{};
  static constexpr std::uint32_t kNoRing = ~std::uint32_t{0};
  std::uint32_t ring = kNoRing;  ///< of the lane's: the memory behind its receives
  bool owes_word = false;        ///< stands among those that have something to tell

 private:
  FabricChannel(lane::Channel id, State state, TimePoint deadline) : id_(id), state_(state), deadline_(deadline) {}

  lane::Channel id_;
  State state_;
  TimePoint deadline_;
  std::optional<FabricInfo> requested_;
  std::optional<Endpoint> endpoint_;
  const fid* fid_ = nullptr;
  std::optional<Error> why_;
};

}  // namespace weft::fabric
