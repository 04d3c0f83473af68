#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <weft/fabric/address_vector.hpp>

namespace weft::fabric {

/// Local or remote ranges of one operation, whatever the provider would allow.
inline constexpr std::size_t kMaxRanges = 16;

enum class PostResult : std::uint8_t {
  kPosted,  ///< a completion follows
  kAgain,   ///< the queue is full: read completions, then try again
};

/// How a write is posted.
struct WriteOptions {
  PeerHandle to = kConnectedPeer;            ///< of the endpoint's address vector, where it has one
  std::optional<std::uint32_t> immediate{};  ///< told to the peer's completion queue, after the bytes
  void* context = nullptr;                   ///< what its completion carries; null: the endpoint's id
  /// Complete only when the bytes are visible at the peer; otherwise as soon as our memory is no longer needed.
  bool delivered = true;
  bool fence = false;  ///< after everything that was posted before it; needs FabricInfoView::can_fence
};

/// What one operation of an endpoint may be.
struct WriteLimits {
  std::size_t gather = 1;       ///< local ranges
  std::size_t scatter = 1;      ///< remote ranges
  std::uint64_t max_bytes = 0;  ///< of all ranges together
  bool ordered = false;         ///< writes are placed in their order
  bool can_fence = false;
};

}  // namespace weft::fabric
