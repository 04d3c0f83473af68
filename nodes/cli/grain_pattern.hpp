#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace weft::cli {

/// Fills a grain with content that follows from its index, a digest of the rest in front where there is room for one.
void fill_grain(std::uint64_t index, std::span<std::byte> grain) noexcept;
/// Whether that is what `fill_grain` made of this index: neither torn nor another's.
bool is_grain(std::uint64_t index, std::span<const std::byte> grain) noexcept;

}  // namespace weft::cli
