#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <weft/nodes/cli/client.hpp>

namespace weft::cli {

/// "gpu-07 (k3v9…tq)" if the peer answers, else its short id.
std::string peer_text(const Context& context, TensorNode& node, const Ticket& ticket);
/// "nothing matches "lyaers.*"; did you mean "layers.0.w"? weft ls @t lists all 7": `entries` is the peer's whole
/// listing.
std::string nothing_matches(std::string_view pattern, const std::vector<Entry>& entries, std::string_view spelled);
/// NotFound for a name or pattern that `entries`, the peer's whole listing, does not have; with the nearest one as
/// hint. `spelled` is the ticket as spelled_again gives it.
Error no_such_name(const std::string& peer, std::string_view name, const std::vector<Entry>& entries,
                   std::string_view spelled);
/// The failure of a call about `name`: where it is NotFound, told as no_such_name does.
Error explained(const Context& context, TensorNode& node, const Ticket& ticket, Error why, std::string_view name,
                std::string_view spelled);

}  // namespace weft::cli
