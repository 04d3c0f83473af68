#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <weft/nodes/c/domain.hpp>
#include <weft/nodes/c/handle_table.hpp>

namespace weft::c {

/// What the nodes of an instance's targets and initiators are started with.
struct NodeChoices {
  std::filesystem::path identity{};
  std::vector<std::string> trust{};
};

/// Behind a weftInstance. Immutable; any thread.
class Instance final : public Object {
 public:
  static constexpr const char* kNoun = "instance";
  Instance(Domain domain, NodeChoices choices) : domain(std::move(domain)), choices(std::move(choices)) {}
  const Domain domain;
  const NodeChoices choices;
};

}  // namespace weft::c
