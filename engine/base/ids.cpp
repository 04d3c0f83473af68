#include <weft/base/ids.hpp>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include <weft/base/text.hpp>

namespace weft {

std::string NodeId::to_string() const { return to_base32(bytes); }

std::string NodeId::short_string() const {
  const auto text = to_string();
  return text.substr(0, 4) + "…" + text.substr(text.size() - 2);
}

Result<NodeId> NodeId::parse(std::string_view text) {
  WEFT_LET(const auto raw, from_base32(text));
  NodeId id;
  if (raw.size() != id.bytes.size())
    return fail(ErrorClass::kMalformed, "node id", fmt::format("{} bytes where a node id has 32", raw.size()));
  std::ranges::copy(raw, id.bytes.begin());
  return id;
}

std::string Incarnation::to_string() const { return to_hex(bytes); }

std::string TransferId::to_string() const { return fmt::format("{}-{}", opener.to_string(), sequence); }

std::string Digest::to_string() const { return to_hex(bytes); }

namespace detail {

// The bytes are random or a digest, except where a peer chose them: mixing all words keeps that from being free.
std::size_t hash_bytes(const std::byte* data, std::size_t size) noexcept {
  std::uint64_t state = 0x9E3779B97F4A7C15u ^ size;
  for (std::size_t at = 0; at < size;) {
    std::uint64_t word = 0;
    const auto part = std::min(sizeof word, size - at);
    std::memcpy(&word, data + at, part);
    state = (state ^ word) * 0xFF51AFD7ED558CCDu;
    state ^= state >> 32;
    at += part;
  }
  return state;
}

}  // namespace detail
}  // namespace weft
