#include <weft/fabric/handles.hpp>

#include <rdma/fabric.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_eq.h>

namespace weft::fabric {

template <class Fid>
void FidTraits<Fid>::close(Handle handle) noexcept {
  fi_close(&handle->fid);
}

template struct FidTraits<fid_fabric>;
template struct FidTraits<fid_domain>;
template struct FidTraits<fid_mr>;
template struct FidTraits<fid_ep>;
template struct FidTraits<fid_pep>;
template struct FidTraits<fid_cq>;
template struct FidTraits<fid_eq>;
template struct FidTraits<fid_wait>;
template struct FidTraits<fid_av>;

}  // namespace weft::fabric
