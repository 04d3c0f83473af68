#include <rdma/fabric.h>
#include <rdma/fi_domain.h>
#include <catch2/catch_test_macros.hpp>

#include <weft/fabric/provider_config.hpp>

using namespace weft;
using namespace weft::fabric;

TEST_CASE("every provider has its endpoint type and the capabilities that writing needs", "[fabric][O-06]") {
  using Row = std::pair<Provider, EndpointType>;
  for (const auto& [provider, type] : {Row{Provider::kTcp, EndpointType::kMessage},
                                       {Provider::kVerbs, EndpointType::kMessage},
                                       {Provider::kEfa, EndpointType::kReliableDatagram},
                                       {Provider::kShm, EndpointType::kReliableDatagram}}) {
    const ProviderConfig config = unwrap(ProviderConfig::of(provider));
    CHECK(config.provider() == provider);
    CHECK(config.endpoint_type() == type);
    CHECK(config.required_caps() == (FI_MSG | FI_RMA));
  }
  CHECK(ProviderConfig::of(static_cast<Provider>(99)).error().kind() == ErrorClass::kInvalidArgument);
}

TEST_CASE("what is found is accepted, and what demands the unknown is not", "[fabric][O-05][O-06]") {
  for (const Provider provider : {Provider::kTcp, Provider::kShm}) {
    const ProviderConfig config = unwrap(ProviderConfig::of(provider));
    auto found = config.find();
    if (!found) SKIP(found.error().to_string());
    CHECK(config.accepts(found->view()));
    CHECK(found->view().endpoint_type() == config.endpoint_type());
    for (const int mode : {FI_MR_ENDPOINT, FI_MR_RAW}) {
      FabricInfo demanding = *found;
      demanding.raw()->domain_attr->mr_mode |= mode;
      CHECK_FALSE(config.accepts(demanding.view()));
    }
    FabricInfo poor = *found;
    poor.raw()->caps &= ~FI_RMA;
    CHECK_FALSE(config.accepts(poor.view()));
  }
  const ProviderConfig tcp = unwrap(ProviderConfig::of(Provider::kTcp));
  auto shm = unwrap(ProviderConfig::of(Provider::kShm)).find();
  if (shm) CHECK_FALSE(tcp.accepts(shm->view()));
}

TEST_CASE("what is not on this host is Unsupported, and named", "[fabric][O-06]") {
  const auto found = unwrap(ProviderConfig::of(Provider::kEfa)).find();
  if (found) SKIP("there is an EFA device here");
  CHECK(found.error().kind() == ErrorClass::kUnsupported);
  CHECK(found.error().message().find("efa") != std::string_view::npos);
}

TEST_CASE("only EFA before libfabric 2.4 cannot be blocked upon", "[fabric][O-39]") {
  const ProviderConfig efa = unwrap(ProviderConfig::of(Provider::kEfa));
  CHECK_FALSE(efa.can_block({1, 17}));
  CHECK_FALSE(efa.can_block({2, 3}));
  CHECK(efa.can_block({2, 4}));
  CHECK(unwrap(ProviderConfig::of(Provider::kTcp)).can_block({1, 17}));
}
