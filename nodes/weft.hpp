#pragma once

/// Everything a program needs to serve, pull and push tensors.
#include <weft/base/error.hpp>
#include <weft/base/result.hpp>
#include <weft/nodes/future.hpp>
#include <weft/nodes/options.hpp>
#include <weft/nodes/peer.hpp>
#include <weft/nodes/plan.hpp>
#include <weft/nodes/tensor.hpp>
#include <weft/nodes/tensor_node.hpp>
#include <weft/task.hpp>
#include <weft/tensor/tensor_view.hpp>
#include <weft/wire/ticket.hpp>
