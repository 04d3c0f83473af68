#include <catch2/catch_test_macros.hpp>

#include <weft/fabric/provider.hpp>

using namespace weft;
using namespace weft::fabric;

TEST_CASE("every provider's name is read back as itself", "[fabric][O-01]") {
  for (Provider provider : {Provider::kTcp, Provider::kVerbs, Provider::kEfa, Provider::kShm}) {
    CHECK(provider_from_string(to_string(provider)) == provider);
    REQUIRE_FALSE(libfabric_names(provider).empty());
    for (std::string_view name : libfabric_names(provider)) CHECK(provider_of(name) == provider);
  }
}

TEST_CASE("a name that is no provider's is refused, whatever its case", "[fabric][O-01]") {
  for (std::string_view text : {"TCP", "", "foo", "tcp ", "net"}) CHECK_FALSE(provider_from_string(text));
  CHECK_FALSE(provider_of("tcp;ofi_rxm"));
  CHECK(to_string(static_cast<Provider>(99)) == "unknown");
  CHECK(libfabric_names(static_cast<Provider>(99)).empty());
}

TEST_CASE("tcp is the old provider before libfabric 1.18 and net's successor from then on", "[fabric]") {
  CHECK(habits_of("net", {1, 17}).wait == WaitStyle::kEventQueueSet);
  CHECK(habits_of("tcp", {1, 17}).wait == WaitStyle::kDescriptors);
  CHECK(habits_of("tcp", {1, 18}).wait == WaitStyle::kEventQueueSet);
  CHECK(habits_of("tcp", {2, 1}).listener_end == ListenerEnd::kPark);
  CHECK(habits_of("verbs", {1, 17}).listener_end == ListenerEnd::kClose);
  CHECK(habits_of("verbs", {1, 17}).lane == Lane::kVerbs);
  CHECK(habits_of("tcp", {1, 17}).mr_mode == 0);
}
