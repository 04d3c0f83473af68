#include <weft/nodes/c/open_grains.hpp>

#include <utility>

namespace weft::c {

Result<Target> open_target(TensorNode& node, TargetOptions options) { return node.open_target(std::move(options)); }

Result<Initiator> open_initiator(TensorNode& node, InitiatorOptions options) {
  return node.open_initiator(std::move(options));
}

}  // namespace weft::c
