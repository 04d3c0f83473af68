#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <weft/nodes/c/fabrics.h>
#include <weft/nodes/c/fault.hpp>
#include <weft/wire/ticket.hpp>

/// Where the targets of the provider shm listen: Unix sockets of mode 0600 in the domain of their instance. They go
/// with their node.
namespace weft::c {

/// This host's name, which is the node of every endpoint address of shm.
std::string this_host();

/// The service that names the socket; empty: one of its own. INVALID_ARG: the node is not this host, a service without
/// a node, or one that is no file's name.
Outcome<std::string> socket_name_of(const weftEndpointAddress& address);

/// "unix:///PATH" of the socket of that name in that folder; without a name, of a new one. Sockets there that nobody
/// listens at any more are removed first. NOT_FOUND: the folder is gone; INVALID_ARG: too long a path.
Outcome<std::string> socket_address(const std::filesystem::path& folder, const std::string& name);

/// Whether the node is reached by sockets of its host, and no other way.
bool is_on_sockets(const Ticket& ticket);

}  // namespace weft::c
