#include <weft/nodes/tensor_node.hpp>

#include <utility>

#include <weft/nodes/node_state.hpp>

namespace weft {
namespace {

wire::GenerationRule rule_of(const GenerationRule& rule) {
  return {.kind = static_cast<wire::GenerationRuleKind>(rule.kind), .generation = rule.generation};
}

transfer::PartSpec part_of(const Slice& slice) {
  transfer::PartSpec part{.kind = wire::PartKind::kSlice};
  for (const Range& range : slice.ranges())
    part.ranges.push_back({.start = range.start, .stop = range.stop, .step = range.step});
  return part;
}

transfer::PartSpec part_of(const Pages& pages) {
  return {.kind = wire::PartKind::kRowIndices,
          .axis = static_cast<std::uint32_t>(pages.axis),
          .indices = {pages.source.begin(), pages.source.end()}};
}

/// The caller's memory as the core takes it: dense, strided, or the pages of it that are named.
Result<transfer::Into> into_of(const MutableTensorView& view, const Pages& pages) {
  WEFT_TRY(view.check());
  if (!view.device().is_host())
    return fail(ErrorClass::kUnsupported, "get",
                "`into` is on " + view.device().to_string() + "; only host memory is written yet");
  transfer::Into into{.data = static_cast<std::byte*>(view.data()),
                      .size = static_cast<std::size_t>(view.extent_bytes()),
                      .meta = view.meta()};
  into.meta.strides = {};
  if (!pages.target.empty()) {
    if (pages.target.size() != pages.source.size())
      return fail(ErrorClass::kInvalidArgument, "get", "`pages` names more pages on one side than on the other");
    WEFT_LET(into.selection, Selection::make_rows(view.meta(), pages.axis, pages.target));
    into.meta = into.selection->meta();
    return into;
  }
  if (!view.meta().strides.empty()) {
    WEFT_LET(into.selection, Selection::whole(view.meta()));
    if (into.selection->contiguous()) into.selection.reset();
  }
  return into;
}

Result<void> one_part(const Slice& slice, const Pages& pages) {
  if (!slice.empty() && !pages.empty())
    return fail(ErrorClass::kInvalidArgument, "get", "either a slice or pages, not both");
  return {};
}

/// What of a tensor that was seen before will travel. InvalidArgument where `into` is not for that.
Result<Selection> known_part(const TensorMeta& meta, const GetOptions& options) {
  Result<Selection> part = !options.slice.empty() ? Selection::make(meta, options.slice)
                           : !options.pages.empty()
                               ? Selection::make_rows(meta, options.pages.axis, options.pages.source)
                               : Selection::whole(meta);
  if (!part || !options.into.given() || !options.pages.empty()) return part;
  const TensorMeta& into = options.into.meta();
  const bool typed = into.dtype != DType::kOpaque && meta.dtype != DType::kOpaque;
  if (typed && (into.dtype != meta.dtype || into.shape != part->meta().shape))
    return fail(Error(ErrorClass::kInvalidArgument, "get", "`into` is of another type or shape than the tensor")
                    .with_hint("give a destination of that type and shape"));
  return part;
}

Result<transfer::PullSpec> spec_of(const GetOptions& options) {
  WEFT_TRY(one_part(options.slice, options.pages));
  transfer::PullSpec spec{.generation = rule_of(options.generation),
                          .bound = {options.deadline.resolve(Clock::now())},
                          .lane = options.lane,
                          .verify = options.verify == Verify::kLane ? wire::Verify::kLane : wire::Verify::kPieces,
                          .trace = options.trace.traceparent};
  if (!options.slice.empty()) spec.parts.push_back(part_of(options.slice));
  if (!options.pages.empty()) spec.parts.push_back(part_of(options.pages));
  if (options.into.given()) {
    WEFT_LET(auto into, into_of(options.into, options.pages));
    spec.into.push_back(std::move(into));
  }
  return spec;
}

}  // namespace

Result<Tensor> Tensor::own(TensorMeta meta, std::shared_ptr<const std::byte[]> bytes) {
  WEFT_LET(auto view, TensorView::make(std::move(meta), bytes.get()));
  return Tensor(Parts{.view = std::move(view), .lease = std::move(bytes)});
}

TensorNode::TensorNode(std::shared_ptr<detail::NodeState> state) : state_(std::move(state)) {}
TensorNode::TensorNode(TensorNode&&) noexcept = default;
TensorNode& TensorNode::operator=(TensorNode&& other) noexcept {
  if (this != &other) {
    if (state_) (void)state_->stop(std::chrono::seconds(2));
    state_ = std::move(other.state_);
  }
  return *this;
}
TensorNode::~TensorNode() {
  if (state_) (void)state_->stop(std::chrono::seconds(2));
}

Result<TensorNode> TensorNode::start(NodeOptions options) {
  WEFT_LET(auto state, detail::NodeState::start(std::move(options)));
  return TensorNode(std::move(state));
}

Ticket TensorNode::ticket() const { return state_->ticket(); }
NodeId TensorNode::id() const { return state_->id(); }

Result<Generation> TensorNode::put(std::string name, Tensor tensor) {
  const TensorView view = tensor.view();
  KeepAlive lease = tensor.lease();
  return state_->put(std::move(name), view, std::move(lease));
}
Result<Generation> TensorNode::put(std::string name, TensorView view, KeepAlive keep_alive) {
  return state_->put(std::move(name), view, std::move(keep_alive));
}
Result<Loan> TensorNode::lend(std::string name, TensorView view, LendOptions) {
  return state_->lend(std::move(name), view);
}
Result<std::size_t> TensorNode::serve(std::filesystem::path path, ServeOptions options) {
  return state_->serve(path, options);
}
Result<void> TensorNode::remove(std::string_view name) { return state_->remove(name); }

Future<std::vector<Entry>> TensorNode::list(Peer peer, std::string pattern, ListOptions options) {
  return state_->list(peer, std::move(pattern), options.deadline);
}

Future<Tensor> TensorNode::get(Peer peer, std::string name, GetOptions options) {
  auto spec = spec_of(options);
  if (!spec) return Future<Tensor>::failed(std::move(spec).error());
  if (auto valid = detail::check_name(name); !valid) return Future<Tensor>::failed(valid.error());
  spec->names.push_back(std::move(name));
  return state_->get(peer, std::move(*spec), std::move(options.into), std::move(options.on_progress));
}

Future<Tensor> TensorNode::get(Peer peer, const Tensor& known, GetOptions options) {
  auto spec = spec_of(options);
  if (!spec) return Future<Tensor>::failed(std::move(spec).error());
  spec->handles.push_back(
      {.incarnation = known.incarnation(), .index = known.index(), .generation = known.generation()});
  if (known.is_whole()) {
    const auto part = known_part(known.meta(), options);
    if (!part) return Future<Tensor>::failed(part.error());
    spec->known_bytes = part->bytes();
  }
  return state_->get(peer, std::move(*spec), std::move(options.into), std::move(options.on_progress));
}

Future<std::vector<Result<Tensor>>> TensorNode::get_many(Peer peer, std::vector<GetItem> items, BatchOptions options) {
  using All = std::vector<Result<Tensor>>;
  if (items.size() > kMaxBatchItems)
    return Future<All>::failed(Error(ErrorClass::kInvalidArgument, "get_many", "more than 1 048 576 items")
                                   .with_hint("ask in several batches"));
  transfer::PullSpec spec{.generation = rule_of(options.generation),
                          .bound = {options.deadline.resolve(Clock::now())},
                          .lane = options.lane,
                          .verify = options.verify == Verify::kLane ? wire::Verify::kLane : wire::Verify::kPieces,
                          .trace = options.trace.traceparent};
  std::vector<MutableTensorView> into;
  bool sliced = false;
  for (GetItem& item : items) {
    if (auto valid = detail::check_name(item.name); !valid) return Future<All>::failed(valid.error());
    if (auto valid = one_part(item.slice, options.pages); !valid) return Future<All>::failed(valid.error());
    sliced = sliced || !item.slice.empty();
    spec.names.push_back(std::move(item.name));
    if (!item.into.given() && into.empty()) continue;
    into.resize(spec.names.size());
    spec.into.resize(spec.names.size());
    if (!item.into.given()) continue;
    auto target = into_of(item.into, options.pages);
    if (!target) return Future<All>::failed(std::move(target).error());
    spec.into.back() = std::move(*target);
    into.back() = std::move(item.into);
  }
  if (!into.empty()) {
    into.resize(spec.names.size());
    spec.into.resize(spec.names.size());
  }
  if (sliced)
    for (const GetItem& item : items)
      spec.parts.push_back(item.slice.empty() ? transfer::PartSpec{} : part_of(item.slice));
  if (!options.pages.empty()) spec.parts.push_back(part_of(options.pages));
  return state_->get_many(peer, std::move(spec), std::move(into), std::move(options.on_progress));
}

Future<Receipt> TensorNode::push(Peer peer, std::string name, TensorView view, PushOptions options) {
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
Future<Plan> TensorNode::explain(Peer peer, std::string name) { return state_->explain(peer, std::move(name)); }
Future<PingReport> TensorNode::ping(Peer peer, Deadline deadline) { return state_->ping(peer, deadline); }
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
  if (const auto node = state_->node.lock()) node->remove_handler(state_->id);
}

}  // namespace weft
