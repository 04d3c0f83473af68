#pragma once

#include <weft/nodes/grains.hpp>
#include <weft/nodes/tensor_node.hpp>

namespace weft::c {

/// What the C functions ask of a node's engine. The one source of theirs that needs it to be compiled.
Result<Target> open_target(TensorNode& node, TargetOptions options);
Result<Initiator> open_initiator(TensorNode& node, InitiatorOptions options);

}  // namespace weft::c
