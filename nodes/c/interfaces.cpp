#include <cerrno>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <weft/fabric/fabric_info.hpp>
#include <weft/nodes/c/boundary.hpp>
#include <weft/nodes/c/fabrics_instance.hpp>
#include <weft/nodes/c/local_socket.hpp>
#include <weft/nodes/c/provider.hpp>

using namespace weft::c;
namespace fabric = weft::fabric;

namespace {

struct Interface {
  weftFabricsInterfaceList entry{};
  std::string node{};
  std::string attr{};
};

/// One answer: its entries point into each other, so they stay where they are.
using Interfaces = std::deque<Interface>;

/// The lists that callers hold: one that is not here is not followed.
struct GivenLists {
  std::mutex mutex{};
  std::map<const weftFabricsInterfaceList*, std::unique_ptr<Interfaces>> lists{};
};
GivenLists& given_lists() {
  static auto& given = *new GivenLists;  // as the table of handles: never destroyed
  return given;
}

/// The host of a socket address's text, "127.0.0.1:0" or "[::1]:0"; nothing for others.
std::string host_of(const fabric::FabricInfoView& info) {
  const auto source = info.source();
  if (!source) return {};
  std::string text = source->to_string();
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return {};
  text.resize(colon);
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  return text;
}

std::string attr_of(const fabric::FabricInfoView& info, weftFabricsProvider provider) {
  nlohmann::json attr{{"ep_type", fabric::to_string(info.endpoint_type())},
                      {"fi_provider_name", info.provider_name()},
                      {"fi_fabric_name", info.fabric_name()},
                      {"fi_domain_name", info.domain_name()},
                      {"tx_size", info.tx_size()},
                      {"rx_size", info.rx_size()},
                      {"tx_iov_limit", info.tx_iov_limit()},
                      {"cq_data_size", info.cq_data_size()}};
  // Of sockets libfabric names the network device as the domain; of RDMA the device.
  if (provider != WEFT_FABRICS_PROVIDER_SHM) attr["device_name"] = info.domain_name();
  return attr.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::uint64_t flags_of(const fabric::FabricInfoView& info) {
  // libfabric's own bits (fi_getinfo(3)), which are part of its binary interface.
  constexpr std::uint64_t kMsg = 1ull << 1, kRma = 1ull << 2, kHmem = 1ull << 47, kRemoteWrite = 1ull << 13;
  std::uint64_t flags = WEFT_FABRICS_CAP_BLOCKING_OPERATIONS;
  if ((info.caps() & kRma) != 0 && (info.caps() & kRemoteWrite) != 0) flags |= WEFT_FABRICS_CAP_REMOTE_WRITE;
  if ((info.caps() & kMsg) != 0) flags |= WEFT_FABRICS_CAP_SEND_RECEIVE;
  if ((info.caps() & kHmem) != 0) flags |= WEFT_FABRICS_CAP_HMEM;
  return flags;
}

/// A query that names nothing matches all.
Outcome<weftFabricsInterfaceConfig> read_query(const weftFabricsInterfaceConfig* in_query) {
  if (in_query == nullptr) return weftFabricsInterfaceConfig{};
  WEFT_C_LET(const weftFabricsInterfaceConfig query, struct_in(in_query));
  WEFT_C_TRY(provider_text(query.provider));
  return query;
}

void add(Interfaces& found, const fabric::FabricInfoView& info, const weftFabricsInterfaceConfig& query) {
  const auto known = fabric::provider_of(info.provider_name());
  if (!known) return;
  Interface interface;
  weftFabricsInterfaceConfig& config = interface.entry.interface;
  config.structSize = sizeof config;
  config.provider = provider_of(*known);
  config.caps.flags = flags_of(info);
  config.caps.maxMessageSize = info.max_message_size();
  interface.node = config.provider == WEFT_FABRICS_PROVIDER_SHM ? this_host() : host_of(info);
  if (query.provider != WEFT_FABRICS_PROVIDER_ANY && query.provider != config.provider) return;
  if ((query.caps.flags & ~config.caps.flags) != 0) return;
  if (query.address.node != nullptr && *query.address.node != '\0' && interface.node != query.address.node) return;
  interface.attr = attr_of(info, config.provider);
  found.push_back(std::move(interface));
}

void link(Interfaces& found) {
  for (std::size_t i = 0; i != found.size(); ++i) {
    Interface& at = found[i];
    at.entry.next = i + 1 == found.size() ? nullptr : &found[i + 1].entry;
    at.entry.interface.address = {.node = at.node.c_str(), .service = ""};
    at.entry.interface.attr = at.attr.c_str();
  }
}

}  // namespace

weftStatus weftFabricsGetInterfaces(weftFabricsInstance in_fabricsInstance, const weftFabricsInterfaceConfig* in_query,
                                    weftFabricsInterfaceList** out_list) {
  return guarded("weftFabricsGetInterfaces", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(out_list));
    WEFT_C_TRY(HandleTable::instance().find<FabricsInstance>(in_fabricsInstance));
    WEFT_C_LET(const weftFabricsInterfaceConfig query, read_query(in_query));
    auto all = fabric::FabricInfoList::get();
    if (!all) return std::unexpected(Fault(WEFT_ERR_NO_FABRIC, std::move(all).error()));
    auto found = std::make_unique<Interfaces>();
    for (const fabric::FabricInfoView info : *all) add(*found, info, query);
    *out_list = nullptr;
    if (found->empty()) return {};
    link(*found);
    weftFabricsInterfaceList* const first = &found->front().entry;
    const std::lock_guard lock(given_lists().mutex);
    given_lists().lists.emplace(first, std::move(found));
    *out_list = first;
    return {};
  });
}

weftStatus weftFabricsFreeInterfaceList(weftFabricsInterfaceList* in_list) {
  return guarded("weftFabricsFreeInterfaceList", [&]() -> Outcome<void> {
    if (in_list == nullptr) return {};
    const std::lock_guard lock(given_lists().mutex);
    if (given_lists().lists.erase(in_list) == 0) return bad_argument("that list was not given, or is freed already");
    return {};
  });
}
