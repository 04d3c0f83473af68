#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/result.hpp>

namespace weft {

/// RFC 4648 base64 with padding.
std::string to_base64(std::span<const std::byte> bytes);
/// Refuses (Malformed) a wrong length, a character outside the alphabet, wrong padding and non-zero spare bits.
Result<std::vector<std::byte>> from_base64(std::string_view text);

/// RFC 4648 base32, lower case, without padding.
std::string to_base32(std::span<const std::byte> bytes);
/// Accepts either case; refuses (Malformed) what is not canonical otherwise.
Result<std::vector<std::byte>> from_base32(std::string_view text);

std::string to_hex(std::span<const std::byte> bytes);

/// Whether `text` is well-formed UTF-8 without NUL.
bool is_clean_utf8(std::string_view text) noexcept;
/// Printable: control characters and malformed UTF-8 become \xNN. For logs and terminals.
std::string escaped(std::string_view text);

/// Shell-like match of a whole name: `*` any run of characters, `?` one, everything else itself. No allocation,
/// linear in time for one star and O(name × pattern) at worst.
bool glob_match(std::string_view pattern, std::string_view name) noexcept;

/// The candidate nearest to `word` by edit distance, if one is near enough to be a likely typo; else empty.
std::string_view nearest(std::string_view word, std::span<const std::string> candidates);

/// "86.7 MiB"; binary units.
std::string human_bytes(std::uint64_t bytes);
/// "4.6 GB/s"; decimal units, as links are sold.
std::string human_rate(double bytes_per_second);

}  // namespace weft
