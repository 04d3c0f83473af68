#pragma once

#include <array>
#include <cstddef>
#include <span>

#include <weft/base/result.hpp>

namespace weft::crypto {

inline constexpr std::size_t kMacBytes = 16;
using Mac = std::array<std::byte, kMacBytes>;

/// HMAC-SHA256 of `message`, cut to its first 16 bytes. Any key length; any thread. Internal when OpenSSL cannot.
Result<Mac> mac(std::span<const std::byte> key, std::span<const std::byte> message);

/// Whether both are equal, in a time that depends on their sizes only.
bool equal_in_constant_time(std::span<const std::byte> left, std::span<const std::byte> right) noexcept;

}  // namespace weft::crypto
