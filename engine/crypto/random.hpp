#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <weft/base/ids.hpp>
#include <weft/base/result.hpp>

/// Random numbers fit for keys, from OpenSSL's generator (seeded by the kernel, its own state per thread). Any thread.
/// Each fails with Internal when the generator cannot be seeded; what was to be filled is then not to be used.
namespace weft::crypto {

/// What a dialler draws for each session; names the session in `hello` and in every pass.
using SessionId = std::array<std::byte, 16>;

Result<void> fill_random(std::span<std::byte> out);
Result<std::uint64_t> random_u64();
Result<Incarnation> draw_incarnation();
Result<SessionId> draw_session_id();

}  // namespace weft::crypto
