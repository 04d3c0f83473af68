#pragma once

#include <cstdint>

namespace weft {

/// Every bound that a peer's bytes or numbers are held against, in one place. Sizes in bytes.
inline constexpr std::uint64_t kMaxNameBytes = 255;
inline constexpr std::uint64_t kMaxRank = 32;
inline constexpr std::uint64_t kMaxOpaqueTypeBytes = 255;
inline constexpr std::uint64_t kMaxAttributes = 32;  ///< of one tensor
inline constexpr std::uint64_t kMaxAttributeKeyBytes = 255;
inline constexpr std::uint64_t kMaxAttributesBytes = 4 * 1024;  ///< keys and values of one tensor together
inline constexpr std::uint64_t kMaxErrorTextBytes = 1024;
inline constexpr std::uint64_t kMaxAddresses = 8;
inline constexpr std::uint64_t kMaxAddressBytes = 128;
inline constexpr std::uint64_t kMaxTensorBytes = std::uint64_t{1} << 48;

inline constexpr std::uint64_t kLeafBytes = 256 * 1024;              ///< what one leaf digest covers
inline constexpr std::uint64_t kMaxPieces = std::uint64_t{1} << 20;  ///< in one transfer: an immediate's 20 bits
inline constexpr std::uint64_t kMaxSlots = std::uint64_t{1} << 12;   ///< per loop: an immediate's other 12 bits
inline constexpr std::uint64_t kMaxGrainRegions = 4096;              ///< of a ring of grains, its headers among them
inline constexpr std::uint64_t kInlineBytes = 8 * 1024;              ///< answers up to here ride in the response
inline constexpr std::uint64_t kPackBelowBytes = 4 * 1024;           ///< shorter runs are packed at the source
inline constexpr std::uint64_t kEntryAlignment = 64;                 ///< of small entries in a batch
inline constexpr std::uint32_t kMaxRounds = 8;
inline constexpr std::uint32_t kMaxBatchItems = 1u << 20;

inline constexpr std::uint64_t kMaxMessageBytes = 16 * 1024 * 1024;  ///< header, segment and payload together
inline constexpr std::uint32_t kMaxOpenTransfers = 1024;             ///< per session and direction
inline constexpr std::uint32_t kMaxHeldOffers = 1024;                ///< pushes nobody receives yet
inline constexpr std::uint32_t kRememberedOutcomes = 4096;           ///< per opener's incarnation: exactly once

}  // namespace weft
