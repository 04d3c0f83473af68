#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/result.hpp>
#include <weft/nodes/future.hpp>
#include <weft/nodes/grains.hpp>
#include <weft/nodes/options.hpp>
#include <weft/nodes/peer.hpp>
#include <weft/nodes/plan.hpp>
#include <weft/nodes/tensor.hpp>

namespace weft {

namespace detail {
class NodeRef;
class NodeState;
struct LoanState;
struct HandlerState;
}  // namespace detail

/// One of put_many: memory of the caller's, which must not be written while it is served.
struct PutItem {
  std::string name{};
  TensorView view{};
  KeepAlive keep_alive{};  ///< drops after the last transfer
};

/// Memory served without being owned. Ending it (or destroying it) takes the name out, cancels transfers that still
/// read it and returns when none does: ≤ 250 ms.
class Loan {
 public:
  Loan() = default;
  explicit Loan(std::shared_ptr<detail::LoanState> state);
  Loan(Loan&&) noexcept;
  Loan& operator=(Loan&&) noexcept;
  ~Loan();
  Generation generation() const noexcept;
  void end();

 private:
  std::shared_ptr<detail::LoanState> state_;
};

/// While it lives, offers of its pattern are shown to its function. Its end waits for a call of the function that runs
/// (unless it is inside of that call), cancels pushes that are landing where the function chose, and returns when no
/// write can reach that memory any more: ≤ 250 ms. What has landed there stays to be received, and is a view of it.
class Handler {
 public:
  Handler() = default;
  explicit Handler(std::shared_ptr<detail::HandlerState> state);
  Handler(Handler&&) noexcept;
  Handler& operator=(Handler&&) noexcept;
  ~Handler();

 private:
  std::shared_ptr<detail::HandlerState> state_;
};

/// One process's presence: serves a catalog, pulls, pushes. Move-only; any thread may call any member; every call ends
/// within its deadline. Destruction is stop(2s). Errors of every call that names a peer: InvalidArgument or Malformed
/// (a ticket that does not parse, or has expired), Unauthenticated, Forbidden, PeerUnreachable, PeerLost,
/// DeadlineExceeded, Cancelled, ShuttingDown; and those named with the call.
class TensorNode {
 public:
  /// InvalidArgument: an address that reaches beyond this host without an access rule, a malformed one; Exists: the
  /// address is in use; ResourceExhausted: descriptors, threads.
  static Result<TensorNode> start(NodeOptions options = {});
  TensorNode(TensorNode&&) noexcept;
  TensorNode& operator=(TensorNode&&) noexcept;
  ~TensorNode();

  /// How to reach this node.
  Ticket ticket() const;
  NodeId id() const;

  /// Serves an owned tensor under a name until it is replaced or removed. Names: 1 to 255 bytes of UTF-8 without NUL.
  /// InvalidArgument: a tensor that came by `into`, whose memory is the caller's.
  Result<Generation> put(std::string name, Tensor tensor);
  /// Serves memory of the caller's, which must not be written meanwhile; `keep_alive` drops after the last transfer.
  Result<Generation> put(std::string name, TensorView view, KeepAlive keep_alive);
  /// As many puts that are seen together: one generation. Where one cannot be served nothing is: the error names it.
  Result<Generation> put_many(std::vector<PutItem> items);
  /// Serves borrowed memory until the Loan ends.
  Result<Loan> lend(std::string name, TensorView view, LendOptions options = LendOptions());
  /// Serves a .safetensors file, an index.json or a folder of them; files are read as pieces are sent. One generation.
  /// How many tensors. NotFound, Malformed (which file, which tensor, what is wrong).
  Result<std::size_t> serve(std::filesystem::path path, ServeOptions options = ServeOptions());
  /// NotFound.
  Result<void> remove(std::string_view name);

  // Options() and not {} below: g++ 12 destroys an aggregate twice that braces make inside a co_await expression. For
  // the same reason a coroutine that passes options makes the Future first and awaits it in a second statement.

  /// What a peer serves that matches a glob, sorted by name.
  Future<std::vector<Entry>> list(Peer peer, std::string pattern = "*", ListOptions options = ListOptions());
  /// Pulls a tensor, or a part of it: whole, verified, of one generation. NotFound, Stale, InvalidArgument (a slice or
  /// a destination that does not fit), ResourceExhausted, IntegrityFailure.
  Future<Tensor> get(Peer peer, std::string name, GetOptions options = GetOptions());
  /// Pulls again what an earlier get gave, by handle: no string travels. Stale when it was replaced or the peer
  /// restarted.
  Future<Tensor> get(Peer peer, const Tensor& known, GetOptions options = GetOptions());
  /// One submission, one result each, in order; read from one snapshot of the peer's catalog. An item that is wrong or
  /// not there fails alone.
  Future<std::vector<Result<Tensor>>> get_many(Peer peer, std::vector<GetItem> items,
                                               BatchOptions options = BatchOptions());
  /// Ok means that the receiver verified every byte. The memory must stay as it is until then.
  Future<Receipt> push(Peer peer, std::string name, TensorView view, PushOptions options = PushOptions());

  /// The next pushed tensor whose name matches, first in first out per sender.
  Future<Tensor> receive(std::string pattern = "*", ReceiveOptions options = ReceiveOptions());
  /// One that is there already, or nothing.
  std::optional<Tensor> try_receive(std::string_view pattern = "*");
  /// Chooses where pushes of a pattern land: in dense host memory of the caller's, which does not count against
  /// `inbox_bytes`; with an empty view in the node's inbox, as without the function, as soon as somebody receives. Or
  /// refuses them, with an Error that the sender gets (one that it throws is logged, and refuses with Internal). Runs
  /// on the node's callback thread. The pushed tensor is then given to `receive`.
  Result<Handler> on_offer(std::string pattern,
                           std::move_only_function<Result<MutableTensorView>(const Offer&)> choose);

  /// A ring of the application's own buffers that initiators write. InvalidArgument: a shape that cannot be; Exists:
  /// this node has a target of that name.
  Result<Target> open_target(TargetOptions options);
  /// Writes rings of others.
  Result<Initiator> open_initiator(InitiatorOptions options = InitiatorOptions());

  /// How a tensor would travel, and why not otherwise.
  Future<Plan> explain(Peer peer, std::string name = {}, Deadline deadline = {});
  Future<PingReport> ping(Peer peer, Deadline deadline = {});
  std::vector<LaneReport> lanes() const;
  NodeStats stats() const;

  /// With Callbacks::kManual: readable when callbacks wait; and runs them.
  int event_fd() const;
  std::size_t run_callbacks();

  /// Ends every call (ShuttingDown), tells peers, closes. The future is there when all of that is over, which is by the
  /// deadline; dropping it changes nothing. A second stop ends with the first one. From any thread, a callback too.
  Future<void> stop(Deadline deadline = std::chrono::seconds{2});

 private:
  friend class detail::NodeRef;
  explicit TensorNode(std::shared_ptr<detail::NodeState> state);
  std::shared_ptr<detail::NodeState> state_;
};

}  // namespace weft
