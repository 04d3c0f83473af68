#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// A ticket's addresses as bytes (ticket.hpp tells the format). Inside engine/wire only.
namespace weft::detail {

/// Whether a ticket may carry it: 1 to kMaxAddressBytes bytes of UTF-8 without control characters.
bool is_ticket_address(std::string_view address);

/// Appends the shortest form from which exactly this text comes back.
void append_address(std::string_view address, std::vector<std::byte>& into);

/// Takes one address off the front of `bytes`; nothing when it is cut, of an unknown kind, or one that
/// append_address would have written otherwise.
std::optional<std::string> take_address(std::span<const std::byte>& bytes);

}  // namespace weft::detail
