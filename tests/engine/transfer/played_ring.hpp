#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <weft/transfer/grains.hpp>
#include <weft/transfer/slots.hpp>
#include <weft/wire/digest.hpp>

#include "played_peer.hpp"

namespace weft::transfer::test {

inline constexpr std::uint32_t kGrains = 4;
inline constexpr std::uint16_t kRail = 2;
inline constexpr RingToken kToken{std::byte{7}};

struct Exposed final : lane::Exposure {
  std::uint64_t key() const override { return 1; }
};

/// A target of four grains of a byte each, which the played peer writes.
struct TargetSide {
  TargetSide() {
    RingSpec spec{.name = "ring", .token = kToken, .headers = headers};
    for (std::byte& slot : memory) spec.slots.emplace_back(&slot, 1);
    ring = unwrap(peer.core().open_ring(std::move(spec)));
    peer.open_rail(kRail);
  }
  /// As an initiator's first message; the target's answer.
  wire::Slots join(std::uint64_t sequence) {
    peer.hear(wire::RingOpen{.sequence = sequence, .token = kToken, .grains = kGrains, .slices = 1, .grain_bytes = 1});
    return answer();
  }
  wire::Slots answer() {
    while (const auto expose = peer.action<Expose>())
      peer.core().on_exposed(expose->transfer, expose->rail, lane::ExposurePtr(new Exposed), peer.now());
    const auto answers = peer.said_on<wire::Slots>(0);
    REQUIRE(answers.size() == 1);
    return answers[0];
  }
  void write(const wire::Slots& slots, std::uint64_t send) {
    const auto place = static_cast<std::uint32_t>(send % kGrains);
    GrainHeader header{.ordinal = send, .send = send, .bytes = 1, .valid_slices = 1, .flags = GrainHeader::kComplete};
    header.check = wire::leaf_of(std::as_bytes(std::span(&header, 1)).first(offsetof(GrainHeader, check)));
    headers[place] = header;
    peer.core().on_arrived(Slots::immediate(slots.slot, place), std::nullopt, peer.now());
  }
  void release(std::uint32_t slot) { REQUIRE(peer.core().release_slot(ring, slot, peer.now())); }

  std::array<std::byte, kGrains> memory{};
  std::array<GrainHeader, kGrains> headers{};
  PlayedPeer peer;
  RingKey ring{};
};

}  // namespace weft::transfer::test
