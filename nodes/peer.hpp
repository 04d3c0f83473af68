#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <weft/base/result.hpp>
#include <weft/wire/ticket.hpp>

namespace weft {

/// InvalidArgument for a ticket that has expired by this machine's clock.
Result<void> check_expiry(const Ticket& ticket);

/// Another node, as a call is told of it. Converts from a Ticket or its text; a text that does not parse comes back as
/// the call's error, and so does a ticket that has expired when the call is made.
class Peer {
 public:
  Peer(Ticket ticket) : ticket_(std::move(ticket)) {}              // NOLINT: conversion is the point
  Peer(std::string_view text) : ticket_(Ticket::parse(text)) {}    // NOLINT
  Peer(const std::string& text) : Peer(std::string_view(text)) {}  // NOLINT
  Peer(const char* text) : Peer(std::string_view(text)) {}         // NOLINT

  const Result<Ticket>& ticket() const noexcept { return ticket_; }
  /// Whether it may be called now. Errors: as Ticket::parse; InvalidArgument when the ticket has expired.
  Result<void> check() const;

 private:
  Result<Ticket> ticket_;
};

}  // namespace weft
