#include <weft/fabric/fabric_version.hpp>

#include <fmt/format.h>
#include <rdma/fabric.h>

#include <weft/fabric/library.hpp>

namespace weft::fabric {

FabricVersion FabricVersion::compiled() noexcept { return {FI_MAJOR_VERSION, FI_MINOR_VERSION}; }

Result<FabricVersion> FabricVersion::running() {
  WEFT_LET(const Library* library, Library::open());
  const std::uint32_t version = library->version();
  return FabricVersion{FI_MAJOR(version), FI_MINOR(version)};
}

std::string FabricVersion::to_string() const { return fmt::format("{}.{}", major, minor); }

}  // namespace weft::fabric
