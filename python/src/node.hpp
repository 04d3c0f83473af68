#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <weft/nodes/tensor_node.hpp>
#include <weft/python/call.hpp>
#include <weft/python/node_handle.hpp>
#include <weft/python/python.hpp>

namespace weft::python {

/// What weft.Node is made of. With the GIL, which is released where the engine waits, copies or reads files.
class PyNode {
 public:
  explicit PyNode(const nb::dict& keywords);
  PyNode(const PyNode&) = delete;
  PyNode& operator=(const PyNode&) = delete;
  /// Warns of one that runs: what it serves ends with it.
  ~PyNode();

  std::string ticket() { return node().ticket().to_string(); }
  std::string id() const { return id_.to_string(); }
  std::string repr();

  std::uint64_t put(nb::handle name, nb::handle data);
  std::uint64_t put_many(nb::handle tensors);
  nb::object lend(nb::handle name, nb::handle data);
  std::size_t serve(nb::handle path, nb::handle prefix);
  void remove(nb::handle name);
  NodeStats stats();
  nb::object lanes();
  nb::object try_receive(nb::handle pattern);
  /// ShuttingDownError.
  void check_running() const { handle_->check_running(); }
  bool inherited() const { return handle_->inherited(); }

  // The others give a Transfer.
  nb::object get(nb::handle peer, nb::handle name, nb::handle slice, nb::handle pages, nb::handle into,
                 nb::handle device, nb::handle generation, nb::handle verify, nb::handle timeout, nb::handle lane,
                 nb::handle progress, nb::handle trace);
  nb::object get_many(nb::handle peer, nb::handle items, nb::handle pages, nb::handle generation, nb::handle verify,
                      nb::handle timeout, nb::handle lane, nb::handle progress, nb::handle trace);
  nb::object push(nb::handle peer, nb::handle name, nb::handle data, nb::handle verify, nb::handle timeout,
                  nb::handle lane, nb::handle progress, nb::handle trace);
  nb::object receive(nb::handle pattern, nb::handle timeout);
  nb::object list(nb::handle peer, nb::handle pattern, nb::handle timeout);
  nb::object explain(nb::handle peer, nb::handle name, nb::handle timeout);
  nb::object ping(nb::handle peer, nb::handle timeout);
  nb::object stop(nb::handle timeout);

 private:
  TensorNode& node() { return handle_->get(); }
  /// What a node asks of itself is copied at once, on this thread: without the GIL.
  template <class Ask>
  auto asking(const Peer& peer, Ask ask);
  nb::object transfer(const char* operation, std::shared_ptr<Call> call, nb::object report = {},
                      bool waits_on_drop = false);

  std::shared_ptr<NodeHandle> handle_;
  NodeId id_{};
};

/// weft.Loan: borrowed memory that is served until it ends.
class PyLoan {
 public:
  PyLoan(Loan loan, KeepAlive memory, std::string name)
      : loan_(std::move(loan)), memory_(std::move(memory)), name_(std::move(name)) {}
  PyLoan(const PyLoan&) = delete;
  PyLoan& operator=(const PyLoan&) = delete;
  ~PyLoan();
  std::uint64_t generation() const noexcept { return loan_.generation().value; }
  /// In a fork's child it is the parent's, and goes on.
  void end();
  std::string repr() const;
  /// Its end is looked after from now on.
  void enter() noexcept { looked_after_ = true; }

 private:
  Loan loan_;
  KeepAlive memory_;
  std::string name_;
  bool looked_after_ = false, ended_ = false;
  unsigned born_ = fork_count();
};

/// weft._weft.NodeBase, to which weft/_node.py adds what is Python's own; and weft.Loan.
void bind_node(nb::module_& module);
/// What calls give: Receipt, Entry, Plan, PingReport, NodeStats; and Access, GenerationRule.
void bind_values(nb::module_& module);

}  // namespace weft::python
