// A program that wants libfabric and nothing else of Weft.
#include <cstdio>

#include <weft/fabric/endpoint.hpp>
#include <weft/fabric/fabric_version.hpp>
#include <weft/fabric/provider_config.hpp>

using namespace weft::fabric;

int main() {
  const auto running = FabricVersion::running();
  if (!running) return std::puts("no libfabric"), 0;
  const auto info = weft::unwrap(weft::unwrap(ProviderConfig::of(Provider::kTcp)).find());
  const Fabric fabric = weft::unwrap(Fabric::open(info.view()));
  const Domain domain = weft::unwrap(Domain::open(fabric));
  const Endpoint endpoint = weft::unwrap(Endpoint::create(domain));
  std::printf("libfabric %s, an endpoint of %.*s\n", running->to_string().c_str(),
              static_cast<int>(info.view().provider_name().size()), info.view().provider_name().data());
}
