#include <weft/fabric/memory_region.hpp>

#include <rdma/fabric.h>
#include <rdma/fi_domain.h>
#include <sys/uio.h>

#include <array>

#include <weft/fabric/domain.hpp>
#include <weft/fabric/fabric_error.hpp>

namespace weft::fabric {
namespace {

struct Pair {
  Access access;
  std::uint64_t flag;
};
constexpr std::array kPairs{Pair{Access::kWrite, FI_WRITE},
                            Pair{Access::kRead, FI_READ},
                            Pair{Access::kRemoteWrite, FI_REMOTE_WRITE},
                            Pair{Access::kRemoteRead, FI_REMOTE_READ},
                            Pair{Access::kSend, FI_SEND},
                            Pair{Access::kReceive, FI_RECV}};

std::uint64_t raw_access(Access access) noexcept {
  std::uint64_t raw = 0;
  for (const Pair& pair : kPairs) raw |= allows(access, pair.access) ? pair.flag : 0;
  return raw;
}

}  // namespace

Access access_of(std::uint64_t flags) noexcept {
  Access access = Access::kNone;
  for (const Pair& pair : kPairs)
    if ((flags & pair.flag) != 0) access = access | pair.access;
  return access;
}

Result<MemoryRegion> MemoryRegion::reg(const Domain& domain, Region region, Access access, std::uint64_t key) {
  if (region.size == 0) return fail(ErrorClass::kInvalidArgument, "fi_mr_regattr", "the region is empty");
  auto owned = std::make_unique<Owned<fid_mr>>();
  owned->keeps[0] = domain.shared();
  const iovec range = region.to_iovec();
  fi_mr_attr attributes{};
  attributes.mr_iov = &range;
  attributes.iov_count = 1;
  attributes.access = raw_access(access);
  attributes.requested_key = key;
  attributes.iface = static_cast<fi_hmem_iface>(region.loc.iface());
  if (!region.loc.is_host()) attributes.device.cuda = static_cast<int>(region.loc.id());
  fid_mr* opened = nullptr;
  if (int code = fi_mr_regattr(domain.raw(), &attributes, 0, &opened); code != 0)
    return fail_code(code, "fi_mr_regattr");
  owned->handle.reset(opened);
  return MemoryRegion{region, domain.using_virtual_addresses(), std::move(owned)};
}

void* MemoryRegion::desc() const noexcept { return fi_mr_desc(raw()); }
std::uint64_t MemoryRegion::rkey() const noexcept { return fi_mr_key(raw()); }

}  // namespace weft::fabric
