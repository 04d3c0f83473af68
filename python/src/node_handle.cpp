#include <weft/python/node_handle.hpp>

#include <mutex>
#include <unordered_set>
#include <vector>

#include <weft/python/errors.hpp>
#include <weft/python/gil.hpp>

namespace weft::python {
namespace {

// Touched with the GIL only.
std::unordered_set<NodeHandle*>& living() {
  static auto* const all = new std::unordered_set<NodeHandle*>();
  return *all;
}

}  // namespace

NodeHandle::NodeHandle(TensorNode node) : node_(std::make_unique<TensorNode>(std::move(node))) {
  living().insert(this);
}

NodeHandle::~NodeHandle() {
  living().erase(this);
  if (inherited()) {
    (void)node_.release();
    return;
  }
  const GilReleased released;  // stops it, which waits for its peers
  node_.reset();
}

TensorNode& NodeHandle::get() {
  if (inherited()) refuse_inherited();
  return *node_;
}

void NodeHandle::check_running() const {
  if (inherited()) refuse_inherited();
  if (stopped_)
    raise(ErrorClass::kShuttingDown, "call", "this node has stopped (not started)", "make another: weft.Node()");
}

void NodeHandle::refuse_inherited() {
  raise(ErrorClass::kShuttingDown, "call", "this node belongs to the process that was forked (not started here)",
        "make a node of this process's own: weft.Node()");
}

void NodeHandle::stop_all() {
  std::vector<Future<void>> stops;
  for (NodeHandle* node : living())
    if (!node->inherited()) {
      node->note_stop();
      stops.push_back(node->node_->stop());
    }
  // With the GIL: no thread that waited in a call gets to tell of the end by a traceback.
  for (auto& stop : stops) (void)stop.wait();
}

}  // namespace weft::python
