#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <weft/nodes/c/instance.hpp>
#include <weft/nodes/c/side_config.hpp>
#include <weft/nodes/tensor_node.hpp>

namespace weft::c {

/// A node that targets, or initiators, share; it stops with the last of them. Any thread.
class SharedNode {
 public:
  explicit SharedNode(TensorNode node) : node_(std::move(node)) {}
  TensorNode& node() noexcept { return node_; }
  /// A name for a ring of this node: that one, or the first that is free of "grains", "grains-2", … EXISTS.
  Outcome<std::string> take_ring(const std::string& wanted);
  void give_ring(const std::string& name) noexcept;

 private:
  TensorNode node_;
  std::mutex mutex_;
  std::set<std::string> rings_;
};

/// Behind a weftFabricsInstance: the nodes of its targets, one for each address, provider and identity, and those of
/// its initiators, one for each provider. They are started when they are first asked for. Any thread.
class FabricsInstance final : public Object {
 public:
  static constexpr const char* kNoun = "fabrics instance";
  /// In the domain's folder are the sockets of targets of the provider shm.
  explicit FabricsInstance(NodeChoices choices, std::filesystem::path domain = {})
      : choices_(std::move(choices)), domain_(std::move(domain)) {}

  /// ADDRESS_IN_USE, NOT_FOUND (no such host, no domain), NO_FABRIC, INVALID_STATE (that identity is elsewhere
  /// already), NO_MEMORY, PERMISSION_DENIED, INVALID_ARG (the key file).
  Outcome<std::shared_ptr<SharedNode>> target_node(const SideConfig& config);
  /// On loopback, with an identity of its own: nobody dials it. Of the provider any that of a target which has the
  /// same, if there is one: what is sent to it is copied, and goes by no wire.
  Outcome<std::shared_ptr<SharedNode>> initiator_node(const SideConfig& config);

 private:
  using Key = std::tuple<std::string, weftFabricsProvider, std::string>;  // address, provider, identity
  Outcome<std::shared_ptr<SharedNode>> start(const SideConfig& config, NodeOptions options);

  const NodeChoices choices_;
  const std::filesystem::path domain_;
  std::mutex mutex_;  // held while a node starts: who asks for the same one meanwhile waits for it
  std::map<Key, std::weak_ptr<SharedNode>> target_nodes_;
  std::map<weftFabricsProvider, std::weak_ptr<SharedNode>> initiator_nodes_;
};

}  // namespace weft::c
