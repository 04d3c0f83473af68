#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/ids.hpp>
#include <weft/base/result.hpp>

namespace weft {

/// How to reach a node, as one line of text to hand over: who it is and where its sessions are listened for. Not a
/// secret, and it carries none: who may do what is up to the node's access rules. A plain value.
///
/// The text is "weft" and then, in lower-case base32, the bytes
///
///   version 1 · node id 32 · flags 1 · not_after 8 when flags has bit 0 · addresses · CRC-32C 4 of all before it
///
/// in little-endian order. An address is one byte and then: 1 IPv4 address and port; 2 IPv6 address and port;
/// 3 length 1, host name, port ("tcp://" goes before these three); 4 length 1, any other text. A value has one text
/// only, and the CRC finds every change of up to 32 neighbouring bits, so of any character.
struct Ticket {
  NodeId node{};
  /// "tcp://127.0.0.1:41873", "tcp://[::1]:41873", "tcp://gpu-07:41873"; others are kept as they are. At most
  /// kMaxAddresses, of 1 to kMaxAddressBytes bytes of UTF-8 without control characters; the best first.
  std::vector<std::string> addresses{};
  /// Seconds since 1970 after which the ticket should no longer be used.
  std::optional<std::int64_t> not_after{};

  bool operator==(const Ticket&) const = default;

  /// At most 200 characters for three numeric addresses. Addresses that break a bound above are left out.
  std::string to_string() const;

  /// Reads a ticket of either letter case, white space around it ignored; "node" may stand for "weft". Malformed when
  /// it is cut, altered or no ticket at all; Unsupported when a later version wrote it.
  static Result<Ticket> parse(std::string_view text);

  bool expired(std::int64_t now_unix_s) const noexcept { return not_after && now_unix_s > *not_after; }
};

}  // namespace weft
