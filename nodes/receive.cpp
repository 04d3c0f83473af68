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
  if (is_stopped()) return Future<Tensor>::failed(stopped());
  const std::uint64_t cookie = next_cookie_.fetch_add(1, std::memory_order_relaxed);
  auto shared = std::make_shared<Shared<Tensor>>();
  shared->owner = weak_from_this();
  shared->cookie = cookie;
  open_gate(cookie, {});
  bool late = false;  // stop has already ended those who wait
  {
    const std::lock_guard lock(mutex_);
    late = is_stopped();
    if (!late) receivers_[cookie] = shared;
  }
  if (late) {
    shared->resolve(fail(stopped()));
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
  const std::uint64_t order = delivery.arrived.order;
  const std::uint64_t bytes = delivery.arrived.received.item.bytes;
  {
    const std::lock_guard unresolved(shared->mutex);
    shared->unclaimed = [weak = weak_from_this(), order](Tensor tensor) {
      if (const auto node = weak.lock()) node->take_back(std::move(tensor), order);
    };
  }
  shared->resolve(tensor_of(std::move(delivery.arrived)), {.done = bytes, .total = bytes});
  close_gate(delivery.cookie);
}

/// A delivered push whose future went before it was looked at: the next who receives gets it, before what came later.
void NodeState::take_back(Tensor tensor, std::uint64_t order) {
  if (is_stopped()) return;
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
      actors::Inbox::Arrived{.received = std::move(received), .into = own ? data : nullptr, .order = order});
  loop_->submit([this, arrived](TimePoint now) {
    actors::Inbox::Effects effects;
    loop_->inbox().put_back(std::move(*arrived), effects);
    loop_->apply(std::move(effects), now);
  });
}

std::optional<Tensor> NodeState::try_receive(std::string_view pattern) {
  auto taken = std::make_shared<std::optional<actors::Inbox::Arrived>>();
  const bool ran = on_loop([taken, pattern = std::string(pattern)](actors::Loop& loop, TimePoint now) {
    actors::Inbox::Effects effects;
    *taken = loop.inbox().try_receive(pattern, effects);
    loop.apply(std::move(effects), now);
  });
  if (!ran || !*taken) return std::nullopt;
  return tensor_of(std::move(**taken));
}

Result<Handler> NodeState::on_offer(std::string pattern, OfferFunction::Choose choose) {
  if (is_stopped()) return fail(stopped());
  auto state = std::make_shared<HandlerState>();
  state->node = weak_from_this();
  state->id = next_cookie_.fetch_add(1, std::memory_order_relaxed);
  state->function = std::make_shared<OfferFunction>(std::move(choose));
  {
    const std::lock_guard lock(mutex_);
    handlers_[state->id] = state->function;
  }
  loop_->submit([this, id = state->id, pattern = std::move(pattern)](TimePoint now) mutable {
    actors::Inbox::Effects effects;
    loop_->inbox().add_handler(id, std::move(pattern), effects);
    loop_->apply(std::move(effects), now);
  });
  return Handler(std::move(state));
}

/// After its function has ended: nothing more is shown to it, and what lands where it chose is cancelled.
void NodeState::remove_handler(std::uint64_t id) {
  {
    const std::lock_guard lock(mutex_);
    handlers_.erase(id);
  }
  loop_->submit([this, id](TimePoint now) {
    actors::Inbox::Effects effects;
    loop_->inbox().remove_handler(id, effects);
    loop_->apply(std::move(effects), now);
  });
}

/// On the loop: the function itself runs where callbacks run, and its word comes back.
void NodeState::show_offer(const actors::Inbox::Ask& ask) {
  run([weak = weak_from_this(), ask] {
    const auto node = weak.lock();
    if (!node) return;
    std::shared_ptr<OfferFunction> function;
    {
      const std::lock_guard lock(node->mutex_);
      if (const auto found = node->handlers_.find(ask.handler); found != node->handlers_.end())
        function = found->second;
    }
    OfferFunction::show(function, ask.offer, node->options_.log,
                        [&](std::optional<transfer::Decision> decision, actors::Inbox::Placing placing) {
                          node->loop_->submit([node = node.get(), ask = ask, decision = std::move(decision),
                                               placing = std::move(placing)](TimePoint now) mutable {
                            actors::Inbox::Effects effects;
                            const auto* accept = decision ? std::get_if<transfer::Accept>(&*decision) : nullptr;
                            if (accept != nullptr && accept->into == nullptr && ask.offer.bytes != 0)
                              node->loop_->inbox().left(std::move(ask), effects);
                            else if (decision)
                              node->loop_->inbox().decided(ask.offer.transfer, std::move(*decision), std::move(placing),
                                                           effects);
                            else
                              node->loop_->inbox().unanswered(std::move(ask), effects);
                            node->loop_->apply(std::move(effects), now);
                          });
                        });
  });
}

}  // namespace weft::detail
