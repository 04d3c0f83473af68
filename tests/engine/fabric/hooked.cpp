#include "hooked.hpp"

namespace weft::fabric::test {

void Hooked::out(struct fid* object) const {
  fid.out(object->ops);
  switch (object->fclass) {
    case FI_CLASS_FABRIC:
      return fabric.out(reinterpret_cast<fid_fabric*>(object)->ops);
    case FI_CLASS_DOMAIN:
      domain.out(reinterpret_cast<fid_domain*>(object)->ops);
      return mr.out(reinterpret_cast<fid_domain*>(object)->mr);
    case FI_CLASS_EP:
      cm.out(reinterpret_cast<fid_ep*>(object)->cm);
      msg.out(reinterpret_cast<fid_ep*>(object)->msg);
      return rma.out(reinterpret_cast<fid_ep*>(object)->rma);
    case FI_CLASS_PEP:
      return cm.out(reinterpret_cast<fid_pep*>(object)->cm);
    case FI_CLASS_EQ:
      return eq.out(reinterpret_cast<fid_eq*>(object)->ops);
    case FI_CLASS_CQ:
      return cq.out(reinterpret_cast<fid_cq*>(object)->ops);
    case FI_CLASS_WAIT:
      return wait.out(reinterpret_cast<fid_wait*>(object)->ops);
    case FI_CLASS_AV:
      return av.out(reinterpret_cast<fid_av*>(object)->ops);
    default:
      return;
  }
}

}  // namespace weft::fabric::test
