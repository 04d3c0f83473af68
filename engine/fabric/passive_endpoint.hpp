#pragma once

#include <weft/fabric/event_queue.hpp>
#include <weft/fabric/fabric_address.hpp>

namespace weft::fabric {

/// Listens for connections; they are announced on its event queue with what the peer's connect carried. Belongs to
/// its fabric's thread.
class PassiveEndpoint {
 public:
  /// Bound to info's source address. A port in use is Exists.
  static Result<PassiveEndpoint> open(const Fabric& fabric, FabricInfoView info);

  Result<void> bind(const EventQueue& queue);
  Result<void> listen();
  /// Refuses a requested connection; its peer is told ECONNREFUSED.
  Result<void> reject(const FabricInfo& requested);
  /// Where peers connect to; the port is known after open.
  Result<FabricAddress> local_address() const;
  /// Closes the port and keeps the object: connections that have been accepted by the socket and have not spoken yet
  /// still refer to it, and freeing it under them lets a stranger crash the process.
  void park();
  ::fid* fid() const noexcept;
  fid_pep* raw() const noexcept { return owned_->handle.get(); }

 private:
  explicit PassiveEndpoint(std::unique_ptr<Owned<fid_pep>> owned) : owned_(std::move(owned)) {}
  std::unique_ptr<Owned<fid_pep>> owned_;
};

}  // namespace weft::fabric
