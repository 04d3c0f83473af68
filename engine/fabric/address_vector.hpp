#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <weft/fabric/domain.hpp>
#include <weft/fabric/fabric_address.hpp>

namespace weft::fabric {

/// What an address vector calls a peer: libfabric's fi_addr_t.
using PeerHandle = std::uint64_t;
/// The peer of a connected endpoint (FI_ADDR_UNSPEC).
inline constexpr PeerHandle kConnectedPeer = ~PeerHandle{0};

struct AddressVectorOptions {
  std::size_t count = 4;        ///< a hint of how many peers there will be; more may be inserted
  std::size_t ep_per_node = 0;  ///< a hint of endpoints on each remote host; 0: unknown
};

/// The phone book of connectionless endpoints (FI_AV_TABLE): addresses go in, short handles come out, and writes name
/// those. Belongs to its domain's thread.
/// Invariant: every handle it gave out and did not remove is known to libfabric, and no other.
class AddressVector {
 public:
  static Result<AddressVector> open(const Domain& domain, const AddressVectorOptions& options = {});

  /// The address's handle; handles count from 0 where the provider's tables do. An address that is there already has
  /// one: the same handle is returned. InvalidArgument for bytes that are no address of this provider.
  Result<PeerHandle> insert(const FabricAddress& address);
  /// NotFound for a handle that is not there, or no longer. Writes to it must have completed.
  Result<void> remove(PeerHandle handle);
  /// As libfabric writes it: "fi_sockaddr_in://127.0.0.1:7000".
  Result<std::string> addr_to_string(const FabricAddress& address) const;
  std::size_t size() const noexcept { return handles_.size(); }

  ::fid* fid() const noexcept;
  fid_av* raw() const noexcept { return owned_->handle.get(); }
  const SharedFid<fid_av>& shared() const noexcept { return owned_; }

 private:
  explicit AddressVector(SharedFid<fid_av> owned) : owned_(std::move(owned)) {}
  SharedFid<fid_av> owned_;
  // libfabric forgives neither an unknown handle nor says whether an address is there: it is asked here.
  std::map<std::vector<std::byte>, PeerHandle> handles_;
  std::map<PeerHandle, std::vector<std::byte>> addresses_;
};

}  // namespace weft::fabric
