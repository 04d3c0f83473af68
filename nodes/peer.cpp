#include <weft/nodes/peer.hpp>

#include <chrono>

namespace weft {

Result<void> check_expiry(const Ticket& ticket) {
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  if (ticket.expired(now.count()))
    return fail(Error{ErrorClass::kInvalidArgument, "ticket", "the ticket has expired"}.with_hint(
        "get a fresh one from the node"));
  return {};
}

Result<void> Peer::check() const {
  if (!ticket_) return fail(ticket_.error());
  return check_expiry(*ticket_);
}

}  // namespace weft
