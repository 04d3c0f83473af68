#include <weft/fabric/passive_endpoint.hpp>

#include <netinet/in.h>
#include <rdma/fabric.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_endpoint.h>

#include <weft/fabric/fabric_error.hpp>

namespace weft::fabric {

Result<PassiveEndpoint> PassiveEndpoint::open(const Fabric& fabric, FabricInfoView info) {
  auto owned = std::make_unique<Owned<fid_pep>>();
  owned->keeps[0] = fabric.shared();
  FabricInfo kept = info.owned();
  fid_pep* opened = nullptr;
  if (int code = fi_passive_ep(fabric.raw(), kept.raw(), &opened, nullptr); code != 0)
    return fail_code(code, "fi_passive_ep");
  owned->handle.reset(opened);
  return PassiveEndpoint{std::move(owned)};
}

Result<void> PassiveEndpoint::bind(const EventQueue& queue) {
  if (owned_->keeps[1] != nullptr)
    return fail(ErrorClass::kInvalidArgument, "fi_pep_bind", "it has an event queue already");
  if (int code = fi_pep_bind(raw(), queue.fid(), 0); code != 0) return fail_code(code, "fi_pep_bind");
  owned_->keeps[1] = queue.shared();
  return {};
}

Result<void> PassiveEndpoint::listen() {
  if (int code = fi_listen(raw()); code != 0) return fail_code(code, "fi_listen");
  return {};
}

Result<void> PassiveEndpoint::reject(const FabricInfo& requested) {
  if (int code = fi_reject(raw(), requested.raw()->handle, nullptr, 0); code != 0) return fail_code(code, "fi_reject");
  return {};
}

Result<FabricAddress> PassiveEndpoint::local_address() const { return FabricAddress::from_fid(fid()); }

void PassiveEndpoint::park() {
  // Renaming closes the listening socket; 192.0.2.1 (reserved for documentation) belongs to no host, so that no new
  // socket is bound in its place and the call reports a failure that is wanted.
  sockaddr_in nowhere{};
  nowhere.sin_family = AF_INET;
  nowhere.sin_addr.s_addr = htonl(0xC0000201u);
  fi_setname(fid(), &nowhere, sizeof nowhere);
}

::fid* PassiveEndpoint::fid() const noexcept { return &raw()->fid; }

}  // namespace weft::fabric
