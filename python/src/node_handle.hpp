#pragma once

#include <memory>

#include <weft/nodes/tensor_node.hpp>
#include <weft/python/held.hpp>
#include <weft/python/python.hpp>

namespace weft::python {

/// A node, kept by weft.Node and by its transfers that are under way. In a fork's child it is the parent's, and left
/// alone.
class NodeHandle {
 public:
  explicit NodeHandle(TensorNode node);
  NodeHandle(const NodeHandle&) = delete;
  NodeHandle& operator=(const NodeHandle&) = delete;
  ~NodeHandle();

  /// ShuttingDownError in a fork's child.
  TensorNode& get();
  /// ShuttingDownError there too, and once it is stopped.
  void check_running() const;
  void note_stop() noexcept { stopped_ = true; }
  bool runs() const noexcept { return !stopped_ && !inherited(); }
  bool inherited() const noexcept { return born_ != fork_count(); }
  [[noreturn]] static void refuse_inherited();

  /// Stops all that there are, at the interpreter's end.
  static void stop_all();

 private:
  std::unique_ptr<TensorNode> node_;
  unsigned born_ = fork_count();
  bool stopped_ = false;
};

}  // namespace weft::python
