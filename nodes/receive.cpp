#include <algorithm>

#include <weft/nodes/node_state.hpp>

/// Pushes of peers, as the application takes them.
namespace weft::detail {

Tensor NodeState::tensor_of(actors::Inbox::Arrived&& arrived) {
  transfer::Received& received = arrived.received;
  auto landing = std::make_shared<memory::Landing>(std::move(received.landing));
  const void* data = arrived.into != nullptr      ? arrived.into
                     : landing->data() == nullptr ? nullptr
                                                  : landing->data() + received.item.offset;
  auto view = TensorView::make(received.item.meta, data);
  return Tensor(Tensor::Parts{.view = view ? *view : TensorView{},
                              .lease = std::move(landing),
                              .name = std::move(received.item.name),
                              .generation = received.item.generation,
                              .digest = received.item.digest,
                              .lane = received.lane,
                              .from = received.from});
}

Future<Tensor> NodeState::receive(std::string pattern, Deadline deadline) {
  if (stopped_.load(std::memory_order_acquire))
    return Future<Tensor>::failed(Error(ErrorClass::kShuttingDown, "receive", "this node is stopped (not started)"));
  const std::uint64_t cookie = next_cookie_.fetch_add(1, std::memory_order_relaxed);
  auto shared = std::make_shared<Shared<Tensor>>();
  shared->owner = weak_from_this();
  shared->cookie = cookie;
  shared->unclaimed = [weak = weak_from_this()](Tensor tensor) {
    if (const auto node = weak.lock()) node->take_back(std::move(tensor));
  };
  open_gate(cookie, {});
  bool late = false;  // stop has already ended those who wait
  {
    const std::lock_guard lock(mutex_);
    late = stopped_.load(std::memory_order_acquire);
    if (!late) receivers_[cookie] = shared;
  }
  if (late) {
    shared->resolve(fail(Error(ErrorClass::kShuttingDown, "receive", "this node is stopped (not started)")));
    close_gate(cookie);
    return Future<Tensor>(std::move(shared));
  }
  const TimePoint until = deadline.resolve(Clock::now()).value_or(kNever);
  loop_->submit([this, cookie, until, pattern = std::move(pattern)](TimePoint now) mutable {
    actors::Inbox::Effects effects;
    loop_->inbox().receive({.cookie = cookie, .pattern = std::move(pattern), .deadline = until}, effects);
    loop_->apply(std::move(effects), now);
  });
  return Future<Tensor>(std::move(shared));
}

void NodeState::deliver(actors::Inbox::Delivery&& delivery) {
  std::unique_lock lock(mutex_);
  const auto found = receivers_.find(delivery.cookie);
  if (found == receivers_.end()) return;
  const auto shared = std::move(found->second);
  receivers_.erase(found);
  lock.unlock();
  shared->resolve(tensor_of(std::move(delivery.arrived)));
  close_gate(delivery.cookie);
}

/// A delivered push whose future went before it was looked at: the next who receives gets it, before what came later.
void NodeState::take_back(Tensor tensor) {
  if (stopped_.load(std::memory_order_acquire)) return;
  auto landing = std::static_pointer_cast<memory::Landing>(std::const_pointer_cast<void>(tensor.lease()));
  std::byte* data = const_cast<std::byte*>(tensor.bytes().data());
  const bool own = landing->data() == nullptr && data != nullptr;
  transfer::Received received{.from = tensor.from(),
                              .lane = tensor.lane(),
                              .landing = std::move(*landing),
                              .item = {.name = std::string(tensor.name()),
                                       .meta = tensor.meta(),
                                       .offset = 0,
                                       .bytes = tensor.view().byte_size(),
                                       .generation = tensor.generation(),
                                       .digest = tensor.digest()}};
  if (received.landing.data() != nullptr)
    received.item.offset = static_cast<std::uint64_t>(data - received.landing.data());
  auto arrived = std::make_shared<actors::Inbox::Arrived>(
      actors::Inbox::Arrived{.received = std::move(received), .into = own ? data : nullptr});
  loop_->submit([this, arrived](TimePoint now) {
    actors::Inbox::Effects effects;
    loop_->inbox().put_back(std::move(*arrived), effects);
    loop_->apply(std::move(effects), now);
  });
}

std::optional<Tensor> NodeState::try_receive(std::string_view pattern) {
  auto taken = std::make_shared<std::optional<actors::Inbox::Arrived>>();
  on_loop([taken, pattern = std::string(pattern)](actors::Loop& loop, TimePoint now) {
    actors::Inbox::Effects effects;
    *taken = loop.inbox().try_receive(pattern, effects);
    loop.apply(std::move(effects), now);
  });
  if (!*taken) return std::nullopt;
  return tensor_of(std::move(**taken));
}

Result<Handler> NodeState::on_offer(std::string pattern,
                                    std::move_only_function<Result<MutableTensorView>(const Offer&)> choose) {
  if (stopped_.load(std::memory_order_acquire))
    return fail(ErrorClass::kShuttingDown, "on_offer", "this node is stopped (not started)");
  auto state = std::make_shared<HandlerState>();
  state->node = weak_from_this();
  state->id = next_cookie_.fetch_add(1, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    handlers_.push_back({.id = state->id,
                         .choose = std::make_shared<std::move_only_function<Result<MutableTensorView>(const Offer&)>>(
                             std::move(choose))});
  }
  loop_->submit([this, id = state->id, pattern = std::move(pattern)](TimePoint now) mutable {
    actors::Inbox::Effects effects;
    loop_->inbox().add_handler(id, std::move(pattern), effects);
    loop_->apply(std::move(effects), now);
  });
  return Handler(std::move(state));
}

void NodeState::remove_handler(std::uint64_t id) {
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(handlers_, [&](const HandlerEntry& handler) { return handler.id == id; });
  }
  loop_->submit([this, id](TimePoint) { loop_->inbox().remove_handler(id); });
}

/// On the loop: the function itself runs where callbacks run, and its word comes back.
void NodeState::show_offer(const actors::Inbox::Ask& ask) {
  run([weak = weak_from_this(), ask] {
    const auto node = weak.lock();
    if (!node) return;
    std::shared_ptr<std::move_only_function<Result<MutableTensorView>(const Offer&)>> choose;
    {
      const std::lock_guard lock(node->mutex_);
      for (const HandlerEntry& handler : node->handlers_)
        if (handler.id == ask.handler) choose = handler.choose;
    }
    transfer::Decision decision = Error(ErrorClass::kOverloaded, "push", "nobody receives it any more");
    if (choose) {
      const transfer::AskOffer& offer = ask.offer;
      auto chosen = (*choose)(Offer{.from = offer.from,
                                    .name = offer.name,
                                    .meta = offer.meta,
                                    .bytes = offer.bytes,
                                    .generation = offer.generation});
      if (!chosen)
        decision = chosen.error();
      else if (auto valid = chosen->check(); !valid)
        decision = valid.error();
      else if (chosen->byte_size() < offer.bytes || !chosen->meta().strides.empty())
        decision = Error(ErrorClass::kInvalidArgument, "on_offer",
                         "the destination must be dense and as large as what is pushed");
      else
        decision = transfer::Accept{.into = static_cast<std::byte*>(chosen->data()),
                                    .size = static_cast<std::size_t>(chosen->byte_size())};
    }
    node->loop_->submit(
        [node = node.get(), transfer = ask.offer.transfer, decision = std::move(decision)](TimePoint now) mutable {
          actors::Inbox::Effects effects;
          node->loop_->inbox().decided(transfer, std::move(decision), effects);
          node->loop_->apply(std::move(effects), now);
        });
  });
}

}  // namespace weft::detail
