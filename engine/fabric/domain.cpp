#include <weft/fabric/domain.hpp>

#include <rdma/fabric.h>
#include <rdma/fi_domain.h>

#include <iterator>

#include <weft/fabric/fabric_error.hpp>
#include <weft/fabric/library.hpp>
#include <weft/fabric/random_bits.hpp>

namespace weft::fabric {
namespace {

constexpr int kAttempts = 8;

/// The requested key: as many random bits as the provider's keys have.
Result<std::uint64_t> draw_key(FabricInfoView info) {
  WEFT_LET(const std::uint64_t bits, random_bits());
  const std::size_t size = info.mr_key_size();
  return size == 0 || size >= sizeof bits ? bits : bits & ((std::uint64_t{1} << (8 * size)) - 1);
}

}  // namespace

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
  return Domain{std::move(kept), fabric.raw(), std::move(owned)};
}

Result<RegisteredRegion> Domain::register_region(const Region& region, Access access) const {
  for (int attempt = 1;; ++attempt) {
    WEFT_LET(const std::uint64_t key, draw_key(info()));
    auto registered = MemoryRegion::reg(*this, region, access, key);
    if (registered) return RegisteredRegion{std::move(*registered)};
    // Short keys may meet one that is in use.
    if (registered.error().kind() != ErrorClass::kExists || attempt == kAttempts)
      return fail(std::move(registered.error()));
  }
}

Result<void> Domain::register_regions(const RegionGroup& regions, Access access) {
  if (regions.empty()) return fail(ErrorClass::kInvalidArgument, "register_regions", "the group is empty");
  std::vector<RegisteredRegion> added;
  added.reserve(regions.size());
  for (const Region& region : regions) {
    WEFT_LET(RegisteredRegion registered, register_region(region, access));
    added.push_back(std::move(registered));
  }
  for (const RegisteredRegion& one : added) {
    local_.push_back(one.to_local());
    remote_.push_back(one.to_remote(using_virtual_addresses()));
  }
  registered_.insert(registered_.end(), std::make_move_iterator(added.begin()), std::make_move_iterator(added.end()));
  return {};
}

Result<void> Domain::register_regions(const RegionGroup& regions, std::uint64_t access) {
  return register_regions(regions, access_of(access));
}

}  // namespace weft::fabric
