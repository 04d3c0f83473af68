#pragma once

#include <cstdint>
#include <optional>

#include <weft/nodes/c/regions.hpp>

namespace weft::c {

/// How the slices that C callers count go into the equal slices of the engine. A flow's grain has a header before its
/// payload, so the engine's slice is what divides both; buffers of the caller's are divided as they are. A value.
struct GrainShape {
  std::uint32_t slices = 1;        ///< as the caller counts
  std::uint32_t header_units = 0;  ///< engine slices before the first of them
  std::uint32_t units_per_slice = 1;
  std::uint64_t unit_bytes = 0;
  std::uint64_t grain_bytes = 0;  ///< header and payload

  /// Of discrete flows and user buffers. INVALID_ARG: unequal regions, or a size that the slices do not divide.
  static Outcome<GrainShape> of(const Regions& regions, std::optional<std::uint64_t> slices);

  std::uint32_t engine_slices() const noexcept { return header_units + slices * units_per_slice; }
  struct Units {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
  };
  /// The slices [from, to); the header goes with the first. INVALID_ARG.
  Outcome<Units> units_of(std::uint32_t from, std::uint32_t to) const;
  /// How many of the caller's slices are whole when the first so many of the engine's are there.
  std::uint32_t whole_slices(std::uint32_t units) const noexcept {
    return units <= header_units ? 0 : (units - header_units) / units_per_slice;
  }
};

}  // namespace weft::c
