#include <weft/fabric/domain.hpp>

#include <rdma/fabric.h>
#include <rdma/fi_domain.h>

#include <weft/fabric/fabric_error.hpp>
#include <weft/fabric/library.hpp>

namespace weft::fabric {

Result<Domain> Domain::open(const Fabric& fabric) {
  FabricInfo kept = fabric.info().owned();
  auto owned = std::make_shared<Owned<fid_domain>>();
  owned->keeps[0] = fabric.shared();
  if (fabric.info().needs_local_registration()) {
    WEFT_LET(const Library* library, Library::open());
    WEFT_TRY(library->stop_registration_cache());
  }
  fid_domain* opened = nullptr;
  if (int code = fi_domain(fabric.raw(), kept.raw(), &opened, nullptr); code != 0) return fail_code(code, "fi_domain");
  owned->handle.reset(opened);
  return Domain{std::move(kept), std::move(owned)};
}

}  // namespace weft::fabric
