#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <weft/base/result.hpp>
#include <weft/wire/ticket.hpp>

namespace weft::cli {

/// A TICKET as a person gives it: its text, @FILE, or - for standard input. InvalidArgument: a file of no or several
/// tickets, an expired one; Malformed as Ticket::parse; the system's errors for the file.
Result<Ticket> read_ticket(std::string_view argument);
/// As above, but a file or stdin may hold one a line.
Result<std::vector<Ticket>> read_tickets(std::string_view argument);
/// How to write it again in a command that a hint shows: "@t", or "TICKET" for the text itself.
std::string spelled_again(std::string_view argument);

}  // namespace weft::cli
