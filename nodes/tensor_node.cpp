#include <weft/nodes/tensor_node.hpp>

#include <utility>

#include <weft/nodes/node_state.hpp>
#include <weft/nodes/requests.hpp>

namespace weft {
TensorNode::TensorNode(std::shared_ptr<detail::NodeState> state) : state_(std::move(state)) {}
TensorNode::TensorNode(TensorNode&&) noexcept = default;
TensorNode& TensorNode::operator=(TensorNode&& other) noexcept {
  if (this != &other) {
    if (state_) (void)state_->stop(std::chrono::seconds(2)).wait();
    state_ = std::move(other.state_);
  }
  return *this;
}
TensorNode::~TensorNode() {
  if (state_) (void)state_->stop(std::chrono::seconds(2)).wait();
}

Result<TensorNode> TensorNode::start(NodeOptions options) {
  WEFT_LET(auto state, detail::NodeState::start(std::move(options)));
  return TensorNode(std::move(state));
}

Ticket TensorNode::ticket() const { return state_->ticket(); }
NodeId TensorNode::id() const { return state_->id(); }

Result<Generation> TensorNode::put(std::string name, Tensor tensor) {
  const TensorView& view = tensor.view();
  if (!tensor.lease() && view.byte_size() != 0)
    return fail(Error(ErrorClass::kInvalidArgument, "put", "the tensor is a view of memory that it does not keep alive")
                    .with_hint("lend its view(), or put the view with what keeps its memory alive"));
  KeepAlive lease = tensor.lease();
  return state_->put(std::move(name), view, std::move(lease));
}
// What a public call takes, it takes by value, whether what is behind it keeps that or only looks at it.
// NOLINTBEGIN(performance-unnecessary-value-param)
Result<Generation> TensorNode::put(std::string name, TensorView view, KeepAlive keep_alive) {
  return state_->put(std::move(name), view, std::move(keep_alive));
}
Result<Generation> TensorNode::put_many(std::vector<PutItem> items) { return state_->put_many(std::move(items)); }
Result<Loan> TensorNode::lend(std::string name, TensorView view, LendOptions) {
  return state_->lend(std::move(name), view);
}
Result<std::size_t> TensorNode::serve(std::filesystem::path path, ServeOptions options) {
  return state_->serve(path, options);
}
Result<void> TensorNode::remove(std::string_view name) { return state_->remove(name); }

Future<std::vector<Entry>> TensorNode::list(Peer peer, std::string pattern, ListOptions options) {
  if (auto valid = detail::check_pattern(pattern); !valid)
    return Future<std::vector<Entry>>::failed(std::move(valid).error());
  return state_->list(peer, std::move(pattern), options.deadline);
}

Future<Tensor> TensorNode::get(Peer peer, std::string name, GetOptions options) {
  auto spec = detail::pull_of(options);
  if (!spec) return Future<Tensor>::failed(std::move(spec).error());
  if (auto valid = detail::check_name(name); !valid) return Future<Tensor>::failed(valid.error());
  spec->names.push_back(std::move(name));
  return state_->get(peer, std::move(*spec), std::move(options.into), std::move(options.on_progress));
}

Future<Tensor> TensorNode::get(Peer peer, const Tensor& known, GetOptions options) {
  auto spec = detail::pull_of(options);
  if (!spec) return Future<Tensor>::failed(std::move(spec).error());
  spec->handles.push_back(
      {.incarnation = known.incarnation(), .index = known.index(), .generation = known.generation()});
  if (known.is_whole()) {
    const auto part = detail::known_part(known.meta(), options);
    if (!part) return Future<Tensor>::failed(part.error());
    spec->known_bytes = part->bytes();
  }
  return state_->get(peer, std::move(*spec), std::move(options.into), std::move(options.on_progress));
}

Future<std::vector<Result<Tensor>>> TensorNode::get_many(Peer peer, std::vector<GetItem> items, BatchOptions options) {
  using All = std::vector<Result<Tensor>>;
  auto batch = detail::batch_of(std::move(items), options);
  if (!batch) return Future<All>::failed(std::move(batch).error());
  return state_->get_many(peer, std::move(*batch), std::move(options.on_progress));
}

Future<Receipt> TensorNode::push(Peer peer, std::string name, TensorView view, PushOptions options) {
  if (auto valid = detail::check_trace(options.trace); !valid) return Future<Receipt>::failed(std::move(valid).error());
  return state_->push(peer, std::move(name), view, std::move(options));
}
Future<Tensor> TensorNode::receive(std::string pattern, ReceiveOptions options) {
  return state_->receive(std::move(pattern), options.deadline);
}
std::optional<Tensor> TensorNode::try_receive(std::string_view pattern) { return state_->try_receive(pattern); }
Result<Handler> TensorNode::on_offer(std::string pattern,
                                     std::move_only_function<Result<MutableTensorView>(const Offer&)> choose) {
  return state_->on_offer(std::move(pattern), std::move(choose));
}
Future<Plan> TensorNode::explain(Peer peer, std::string name, Deadline deadline) {
  if (auto valid = detail::check_pattern(name); !valid) return Future<Plan>::failed(std::move(valid).error());
  return state_->explain(peer, std::move(name), deadline);
}
Future<PingReport> TensorNode::ping(Peer peer, Deadline deadline) { return state_->ping(peer, deadline); }
// NOLINTEND(performance-unnecessary-value-param)
std::vector<LaneReport> TensorNode::lanes() const { return state_->lanes(); }
NodeStats TensorNode::stats() const { return state_->stats(); }
int TensorNode::event_fd() const { return state_->event_fd(); }
std::size_t TensorNode::run_callbacks() { return state_->run_callbacks(); }
Future<void> TensorNode::stop(Deadline deadline) { return state_->stop(deadline); }

Loan::Loan(std::shared_ptr<detail::LoanState> state) : state_(std::move(state)) {}
Loan::Loan(Loan&&) noexcept = default;
Loan& Loan::operator=(Loan&& other) noexcept {
  if (this != &other) {
    end();
    state_ = std::move(other.state_);
  }
  return *this;
}
Loan::~Loan() { end(); }
Generation Loan::generation() const noexcept { return state_ ? state_->generation : Generation{}; }

void Loan::end() {
  const auto state = std::exchange(state_, nullptr);
  if (!state || !state->entry) return;
  if (const auto node = state->node.lock()) node->end_loan(state->entry);
  state->entry.reset();
  std::unique_lock lock(state->reading->mutex);
  state->reading->changed.wait_for(lock, std::chrono::seconds(5), [&] { return state->reading->over; });
}

Handler::Handler(std::shared_ptr<detail::HandlerState> state) : state_(std::move(state)) {}
Handler::Handler(Handler&&) noexcept = default;
Handler& Handler::operator=(Handler&& other) noexcept {
  if (this != &other) {
    Handler ended(std::exchange(state_, nullptr));
    state_ = std::move(other.state_);
  }
  return *this;
}
Handler::~Handler() {
  if (!state_) return;
  state_->function->end();
  if (const auto node = state_->node.lock()) node->remove_handler(state_->id);
  state_->function->wait_for_writes();
}

}  // namespace weft
