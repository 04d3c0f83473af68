#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <weft/base/result.hpp>
#include <weft/crypto/random.hpp>

namespace weft::crypto {

inline constexpr std::size_t kPassBytes = 48;
using PassBytes = std::array<std::byte, kPassBytes>;

/// Both ends of a session derive it by the TLS exporter, under this label, so it is of that session only.
using PassKey = std::array<std::byte, 32>;
inline constexpr std::string_view kPassKeyLabel = "EXPORTER-weft-rail-pass";

/// What a pass says: which session's which rail is being opened, and the acceptor's nonce for it.
struct PassFields {
  std::uint16_t rail = 0;
  SessionId session{};
  std::uint64_t nonce = 0;
  bool operator==(const PassFields&) const = default;
};

/// What a rail's dialler shows before it is admitted: 48 bytes {magic 4, version 2, rail 2, session 16, nonce 8, MAC
/// 16}, integers little-endian, the MAC over the 32 bytes before it. Any thread. Internal when OpenSSL cannot.
Result<PassBytes> make_pass(const PassKey& key, const PassFields& fields);

/// Which session a pass claims, to look up the key. Proves nothing. Malformed: not a pass, or of another version.
Result<PassFields> read_pass(std::span<const std::byte> bytes);

/// The fields, once the MAC matched. Malformed as above; Unauthenticated when it was not made under `key`. Nothing here
/// remembers nonces: that each is used once, and only for the rail it was drawn for, is the caller's.
Result<PassFields> check_pass(std::span<const std::byte> bytes, const PassKey& key);

}  // namespace weft::crypto
