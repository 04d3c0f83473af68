#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <weft/base/result.hpp>
#include <weft/nodes/cli/command.hpp>
#include <weft/wire/ticket.hpp>

namespace weft::cli {

/// A TICKET as a person gives it: its text, @FILE, or - for standard input. InvalidArgument: a file of no or several
/// tickets, an expired one; Malformed as Ticket::parse; the system's errors for the file;
/// Cancelled and DeadlineExceeded while standard input says nothing.
Result<Ticket> read_ticket(const Context& context, std::string_view argument);
/// As above, but a file or stdin may hold one a line.
Result<std::vector<Ticket>> read_tickets(const Context& context, std::string_view argument);
/// How to write it again in a command that a hint shows: "@t", or "TICKET" for the text itself.
std::string spelled_again(std::string_view argument);

}  // namespace weft::cli
