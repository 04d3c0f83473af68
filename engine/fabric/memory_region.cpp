#include <weft/fabric/memory_region.hpp>

#include <rdma/fabric.h>
#include <rdma/fi_domain.h>
#include <sys/uio.h>

#include <weft/fabric/fabric_error.hpp>

namespace weft::fabric {
namespace {

std::uint64_t raw_access(Access access) noexcept {
  std::uint64_t raw = 0;
  if (allows(access, Access::kWrite)) raw |= FI_WRITE;
  if (allows(access, Access::kRead)) raw |= FI_READ;
  if (allows(access, Access::kRemoteWrite)) raw |= FI_REMOTE_WRITE;
  if (allows(access, Access::kRemoteRead)) raw |= FI_REMOTE_READ;
  if (allows(access, Access::kSend)) raw |= FI_SEND;
  if (allows(access, Access::kReceive)) raw |= FI_RECV;
  return raw;
}

}  // namespace

Result<MemoryRegion> MemoryRegion::reg(const Domain& domain, Region region, Access access, std::uint64_t key) {
  if (region.size == 0) return fail(ErrorClass::kInvalidArgument, "fi_mr_regattr", "the region is empty");
  auto owned = std::make_unique<Owned<fid_mr>>();
  owned->keeps[0] = domain.shared();
  const iovec range{reinterpret_cast<void*>(region.base), region.size};
  fi_mr_attr attributes{};
  attributes.mr_iov = &range;
  attributes.iov_count = 1;
  attributes.access = raw_access(access);
  attributes.requested_key = key;
  attributes.iface = static_cast<fi_hmem_iface>(region.location.iface());
  if (!region.location.is_host()) attributes.device.cuda = static_cast<int>(region.location.id());
  fid_mr* opened = nullptr;
  if (int code = fi_mr_regattr(domain.raw(), &attributes, 0, &opened); code != 0)
    return fail_code(code, "fi_mr_regattr");
  owned->handle.reset(opened);
  return MemoryRegion{region, domain.using_virtual_addresses(), std::move(owned)};
}

void* MemoryRegion::desc() const noexcept { return fi_mr_desc(raw()); }
std::uint64_t MemoryRegion::rkey() const noexcept { return fi_mr_key(raw()); }

}  // namespace weft::fabric
