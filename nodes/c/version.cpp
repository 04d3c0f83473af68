#include <cstdint>
#include <cstdio>
#include <cstring>

#include <weft/fabric/fabric_version.hpp>
#include <weft/nodes/c/boundary.hpp>
#include <weft/wire/message.hpp>

using namespace weft::c;

void weftGetVersion(weftVersion* out_version) {
  if (out_version == nullptr || out_version->structSize < sizeof(size_t)) return;
  guarded("weftGetVersion", [&]() -> Outcome<void> {
    weftVersion version{.structSize = 0,
                        .major = WEFT_VERSION_MAJOR,
                        .minor = WEFT_VERSION_MINOR,
                        .patch = WEFT_VERSION_PATCH,
                        .protocolMin = weft::wire::kVersion,
                        .protocolMax = weft::wire::kVersion,
                        .libfabric = {}};
    if (const auto running = weft::fabric::FabricVersion::running()) {
      const std::string text = running->to_string();
      std::snprintf(version.libfabric, sizeof version.libfabric, "%s", text.c_str());
    }
    return struct_out(version, out_version);
  });
}
