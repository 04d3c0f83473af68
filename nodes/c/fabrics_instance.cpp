#include <weft/nodes/c/fabrics_instance.hpp>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include <weft/nodes/c/boundary.hpp>
#include <weft/nodes/c/local_socket.hpp>
#include <weft/nodes/c/provider.hpp>

namespace weft::c {
namespace {

/// What a start's failure is to someone who named a host and a provider.
Fault fault_of_start(Error error) {
  // Nothing was dialled: unreachable is a host that no resolver knows, or an address that is not this host's.
  if (error.kind() == ErrorClass::kPeerUnreachable && error.native_code() != EADDRNOTAVAIL)
    return Fault(WEFT_ERR_NOT_FOUND, std::move(error));
  return Fault(std::move(error));
}

/// Whether a node has one of the lanes that a provider stands for.
Outcome<void> expect_lane(const TensorNode& node, weftFabricsProvider provider) {
  WEFT_C_LET(const std::vector<Lane> wanted, lanes_of(provider));
  if (wanted.empty()) return {};
  std::string why;
  for (const LaneReport& report : node.lanes()) {
    const auto lane = parse_lane(report.lane);
    if (!lane || std::find(wanted.begin(), wanted.end(), *lane) == wanted.end()) continue;
    if (report.used) return {};
    why += why.empty() ? report.detail : "; " + report.detail;
  }
  return refuse(WEFT_ERR_NO_FABRIC,
                fmt::format("the provider does not work here: {}", why.empty() ? "no such lane" : why),
                "weftFabricsGetInterfaces lists what is here; any takes the best of it");
}

}  // namespace

Outcome<std::string> SharedNode::take_ring(const std::string& wanted) {
  const std::lock_guard lock(mutex_);
  if (!wanted.empty()) {
    if (rings_.insert(wanted).second) return wanted;
    return refuse(WEFT_ERR_EXISTS, fmt::format("the node has a ring \"{}\" already", wanted));
  }
  for (std::size_t n = 1;; ++n) {
    std::string name = n == 1 ? "grains" : fmt::format("grains-{}", n);
    if (rings_.insert(name).second) return name;
  }
}

void SharedNode::give_ring(const std::string& name) noexcept {
  const std::lock_guard lock(mutex_);
  rings_.erase(name);
}

Outcome<std::shared_ptr<SharedNode>> FabricsInstance::target_node(const SideConfig& config) {
  const std::string identity = config.identity.empty() ? choices_.identity : config.identity;
  const Key key{config.listen, config.provider, identity};
  const std::lock_guard lock(mutex_);
  std::erase_if(target_nodes_, [](const auto& entry) { return entry.second.expired(); });
  if (const auto found = target_nodes_.find(key); found != target_nodes_.end())
    if (auto node = found->second.lock()) return node;
  for (const auto& [other, node] : target_nodes_)
    if (!identity.empty() && std::get<2>(other) == identity)
      return refuse(WEFT_ERR_INVALID_STATE,
                    fmt::format("the identity {} is at {} already", identity,
                                std::get<0>(other).empty() ? "a socket" : std::get<0>(other)),
                    R"(one address and provider for each identity: the option "identity" names another)");
  NodeOptions options;
  options.listen = {config.listen};
  if (config.provider == WEFT_FABRICS_PROVIDER_SHM) {
    WEFT_C_LET(options.listen.front(), socket_address(domain_, config.listen));
  }
  options.identity = identity;
  WEFT_C_LET(auto node, start(config, std::move(options)));
  target_nodes_[key] = node;
  return node;
}

Outcome<std::shared_ptr<SharedNode>> FabricsInstance::initiator_node(const SideConfig& config) {
  const std::lock_guard lock(mutex_);
  if (config.provider == WEFT_FABRICS_PROVIDER_ANY)
    for (const auto& [key, target] : target_nodes_)
      if (auto node = target.lock(); node && std::get<1>(key) == WEFT_FABRICS_PROVIDER_ANY) return node;
  if (auto node = initiator_nodes_[config.provider].lock()) return node;
  WEFT_C_LET(auto node, start(config, NodeOptions{}));
  initiator_nodes_[config.provider] = node;
  return node;
}

Outcome<std::shared_ptr<SharedNode>> FabricsInstance::start(const SideConfig& config, NodeOptions options) {
  WEFT_C_LET(options.lanes, lanes_of(config.provider));
  options.trust = choices_.trust;
  // A target info is the capability: whoever has one may come, and gets nothing but its ring.
  options.access = Access::any().verbs(AccessVerb::kNone);
  auto started = TensorNode::start(std::move(options));
  if (!started) return std::unexpected(fault_of_start(std::move(started).error()));
  WEFT_C_TRY(expect_lane(*started, config.provider));
  return std::make_shared<SharedNode>(std::move(*started));
}

}  // namespace weft::c

using namespace weft::c;

weftStatus weftFabricsCreateInstance(weftInstance in_instance, weftFabricsInstance* out_fabricsInstance) {
  return guarded("weftFabricsCreateInstance", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(out_fabricsInstance));
    WEFT_C_LET(const auto instance, HandleTable::instance().find<Instance>(in_instance));
    return give(HandleTable::instance().add(
                    std::make_shared<FabricsInstance>(instance->choices, instance->domain.path()), in_instance),
                out_fabricsInstance);
  });
}

weftStatus weftFabricsDestroyInstance(weftFabricsInstance in_fabricsInstance) {
  return guarded("weftFabricsDestroyInstance",
                 [&] { return HandleTable::instance().destroy<FabricsInstance>(in_fabricsInstance); });
}
