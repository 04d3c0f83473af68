#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weft {

/// The ways bytes travel, as users name them (a fabric lane is called by its provider).
enum class Lane : std::uint8_t {
  kAuto = 0,  ///< Weft chooses; `explain` tells which and why
  kTls,       ///< placed writes inside the session's own TLS stream
  kTcp,       ///< libfabric over TCP, cleartext: loopback and trusted networks only
  kVerbs,     ///< libfabric over an RDMA NIC
  kEfa,
  kShm,    ///< same host
  kKcp,    ///< lossy links
  kLocal,  ///< this very node: nothing travelled
};

/// "auto", "tls", "tcp", …
std::string_view to_string(Lane) noexcept;
std::optional<Lane> parse_lane(std::string_view text) noexcept;

}  // namespace weft
