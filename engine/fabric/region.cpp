#include <weft/fabric/region.hpp>

#include <fmt/format.h>
#include <rdma/fabric.h>
#include <rdma/fi_domain.h>

namespace weft::fabric {

std::uint32_t Region::Location::iface() const noexcept { return is_host() ? FI_HMEM_SYSTEM : FI_HMEM_CUDA; }

std::string Region::Location::to_string() const { return is_host() ? "host" : fmt::format("cuda, id={}", id()); }

}  // namespace weft::fabric
