#include <weft/fabric/fabric.hpp>

#include <rdma/fabric.h>
#include <rdma/fi_eq.h>

#include <weft/fabric/fabric_error.hpp>
#include <weft/fabric/library.hpp>

namespace weft::fabric {

Result<Fabric> Fabric::open(FabricInfoView info) {
  WEFT_LET(const Library* library, Library::open());
  FabricInfo kept = info.owned();
  auto owned = std::make_shared<Owned<fid_fabric>>();
  fid_fabric* opened = nullptr;
  if (int code = library->fabric(kept.raw()->fabric_attr, &opened, nullptr); code != 0)
    return fail_code(code, "fi_fabric");
  owned->handle.reset(opened);
  return Fabric{std::move(kept), std::move(owned)};
}

bool Fabric::try_wait(std::span<fid* const> queues) const {
  return fi_trywait(raw(), const_cast<fid**>(queues.data()), static_cast<int>(queues.size())) == 0;
}

}  // namespace weft::fabric
