#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <weft/base/result.hpp>

namespace weft {

/// A node's identity: its Ed25519 public key.
struct NodeId {
  std::array<std::byte, 32> bytes{};
  auto operator<=>(const NodeId&) const = default;
  /// 52 characters of lower-case base32.
  std::string to_string() const;
  /// The first four and last two of them: "k3v9…tq".
  std::string short_string() const;
  static Result<NodeId> parse(std::string_view text);
};

/// Drawn at random at each start of a node: a peer restarted on the same address is a new peer.
struct Incarnation {
  std::array<std::byte, 16> bytes{};
  auto operator<=>(const Incarnation&) const = default;
  std::string to_string() const;
};

/// Which host this is (and which boot of it): equal on two nodes exactly when they may share memory.
struct HostId {
  std::array<std::byte, 16> bytes{};
  auto operator<=>(const HostId&) const = default;
};

/// The catalog's version at the publish that made an entry. Never reused; 0 is none.
struct Generation {
  std::uint64_t value = 0;
  auto operator<=>(const Generation&) const = default;
};

/// One transfer, for ever: the opener's incarnation and a sequence that only grows.
struct TransferId {
  Incarnation opener{};
  std::uint64_t sequence = 0;
  auto operator<=>(const TransferId&) const = default;
  std::string to_string() const;
};

/// 128 bits of XXH3 over (total, generation, leaves): a tensor's root digest (docs/protocol.md).
struct Digest {
  std::array<std::byte, 16> bytes{};
  auto operator<=>(const Digest&) const = default;
  std::string to_string() const;  ///< 32 hexadecimal digits
};

namespace detail {
std::size_t hash_bytes(const std::byte* data, std::size_t size) noexcept;
}

}  // namespace weft

template <>
struct std::hash<weft::NodeId> {
  std::size_t operator()(const weft::NodeId& id) const noexcept {
    return weft::detail::hash_bytes(id.bytes.data(), id.bytes.size());
  }
};
template <>
struct std::hash<weft::Incarnation> {
  std::size_t operator()(const weft::Incarnation& id) const noexcept {
    return weft::detail::hash_bytes(id.bytes.data(), id.bytes.size());
  }
};
template <>
struct std::hash<weft::TransferId> {
  std::size_t operator()(const weft::TransferId& id) const noexcept {
    return weft::detail::hash_bytes(id.opener.bytes.data(), id.opener.bytes.size()) ^
           (id.sequence * 0x9E3779B97F4A7C15u);
  }
};
