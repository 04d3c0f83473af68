#include <weft/nodes/c/local_socket.hpp>
#include <weft/nodes/c/provider.hpp>

#include <cstring>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "domain.hpp"

using weft::test::TestDomain;

TEST_CASE("provider: all five names go both ways, sized in two calls", "[M-27][O-01]") {
  const std::pair<weftFabricsProvider, std::string> all[] = {{WEFT_FABRICS_PROVIDER_ANY, "any"},
                                                             {WEFT_FABRICS_PROVIDER_TCP, "tcp"},
                                                             {WEFT_FABRICS_PROVIDER_VERBS, "verbs"},
                                                             {WEFT_FABRICS_PROVIDER_EFA, "efa"},
                                                             {WEFT_FABRICS_PROVIDER_SHM, "shm"}};
  for (const auto& [provider, name] : all) {
    weftFabricsProvider back = WEFT_FABRICS_PROVIDER_ANY;
    REQUIRE(weftFabricsProviderFromString(name.c_str(), &back) == WEFT_STATUS_OK);
    REQUIRE(back == provider);
    std::size_t size = 0;
    REQUIRE(weftFabricsProviderToString(provider, nullptr, &size) == WEFT_STATUS_OK);
    REQUIRE(size == name.size() + 1);
    char text[16] = "???????????????";
    --size;
    REQUIRE(weftFabricsProviderToString(provider, text, &size) == WEFT_ERR_STRLEN);
    REQUIRE(size == name.size() + 1);
    REQUIRE(text[0] == '?');
    REQUIRE(weftFabricsProviderToString(provider, text, &size) == WEFT_STATUS_OK);
    REQUIRE(name == text);
  }
  weftFabricsProvider back = WEFT_FABRICS_PROVIDER_TCP;
  for (const char* wrong : {"", "TCP", "foo", "tcp ", "net"})
    REQUIRE(weftFabricsProviderFromString(wrong, &back) == WEFT_ERR_INVALID_ARG);
  REQUIRE(back == WEFT_FABRICS_PROVIDER_TCP);
  REQUIRE(weftFabricsProviderFromString("auto", &back) == WEFT_STATUS_OK);
  REQUIRE(back == WEFT_FABRICS_PROVIDER_ANY);
  std::size_t size = 0;
  REQUIRE(weftFabricsProviderToString(static_cast<weftFabricsProvider>(999), nullptr, &size) == WEFT_ERR_INVALID_ARG);
}

TEST_CASE("provider: the numbers are those of programs that exist", "[M-02]") {
  REQUIRE(WEFT_SHARING_PROVIDER_AUTO == 0);
  REQUIRE(WEFT_SHARING_PROVIDER_TCP == 1);
  REQUIRE(WEFT_SHARING_PROVIDER_VERBS == 2);
  REQUIRE(WEFT_SHARING_PROVIDER_EFA == 3);
  REQUIRE(WEFT_SHARING_PROVIDER_SHM == 4);
  REQUIRE(weft::c::lanes_of(WEFT_FABRICS_PROVIDER_ANY)->empty());
  REQUIRE(*weft::c::lanes_of(WEFT_FABRICS_PROVIDER_SHM) == std::vector{weft::Lane::kTls});
  REQUIRE(weft::c::lanes_of(static_cast<weftFabricsProvider>(5)).error().status == WEFT_ERR_INVALID_ARG);
}

TEST_CASE("interfaces: what this host offers is listed, and a query narrows it",
          "[M-04][M-05][M-06][M-12][M-13][M-03]") {
  TestDomain domain;
  weftFabricsInstance fabrics = nullptr;
  REQUIRE(weftFabricsCreateInstance(domain.instance(), &fabrics) == WEFT_STATUS_OK);
  weftFabricsInterfaceList* all = nullptr;
  const weftStatus status = weftFabricsGetInterfaces(fabrics, nullptr, &all);
  if (status == WEFT_ERR_NO_FABRIC) SKIP("no libfabric here");
  REQUIRE(status == WEFT_STATUS_OK);
  std::set<int> providers;
  bool loopback = false;
  for (const weftFabricsInterfaceList* at = all; at != nullptr; at = at->next) {
    providers.insert(at->interface.provider);
    const auto attr = nlohmann::json::parse(at->interface.attr);
    REQUIRE(attr.is_object());
    REQUIRE(attr.contains("ep_type"));
    if (at->interface.provider != WEFT_FABRICS_PROVIDER_TCP) continue;
    REQUIRE_FALSE(attr.at("device_name").get<std::string>().empty());
    REQUIRE((at->interface.caps.flags & WEFT_FABRICS_CAP_SEND_RECEIVE) != 0);
    REQUIRE(at->interface.caps.maxMessageSize > 0);
    loopback = loopback || std::strcmp(at->interface.address.node, "127.0.0.1") == 0;
  }
  REQUIRE(providers.contains(WEFT_FABRICS_PROVIDER_TCP));
  REQUIRE(loopback);
  REQUIRE(weftFabricsFreeInterfaceList(all) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsFreeInterfaceList(all) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFabricsFreeInterfaceList(nullptr) == WEFT_STATUS_OK);

  weftFabricsInterfaceConfig query{};
  query.structSize = sizeof query;
  const auto count = [&] {
    weftFabricsInterfaceList* list = nullptr;
    REQUIRE(weftFabricsGetInterfaces(fabrics, &query, &list) == WEFT_STATUS_OK);
    std::size_t found = 0;
    for (const weftFabricsInterfaceList* at = list; at != nullptr; at = at->next, ++found)
      if (query.provider != WEFT_FABRICS_PROVIDER_ANY) REQUIRE(at->interface.provider == query.provider);
    REQUIRE(weftFabricsFreeInterfaceList(list) == WEFT_STATUS_OK);
    return found;
  };
  REQUIRE(count() > 0);
  query.provider = WEFT_FABRICS_PROVIDER_TCP;
  REQUIRE(count() > 0);
  query.address.node = "127.0.0.1";
  REQUIRE(count() > 0);
  query.address.node = "192.0.2.1";
  REQUIRE(count() == 0);
  query.address.node = "not an address";
  REQUIRE(count() == 0);
  query.provider = WEFT_FABRICS_PROVIDER_SHM;
  REQUIRE(count() == 0);
  const std::string host = weft::c::this_host();
  query.address.node = host.c_str();
  if (providers.contains(WEFT_FABRICS_PROVIDER_SHM)) REQUIRE(count() > 0);
  query.provider = WEFT_FABRICS_PROVIDER_TCP;
  query.address.node = nullptr;
  query.caps.flags = WEFT_FABRICS_CAP_REMOTE_WRITE;
  REQUIRE(count() > 0);
  query.caps.flags = 1ull << 40;
  REQUIRE(count() == 0);
  query.provider = static_cast<weftFabricsProvider>(999);
  weftFabricsInterfaceList* list = nullptr;
  REQUIRE(weftFabricsGetInterfaces(fabrics, &query, &list) == WEFT_ERR_INVALID_ARG);
  query.structSize = 0;
  REQUIRE(weftFabricsGetInterfaces(fabrics, &query, &list) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFabricsGetInterfaces(fabrics, nullptr, nullptr) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFabricsGetInterfaces(nullptr, nullptr, &list) == WEFT_ERR_INVALID_ARG);
}
