#include <weft/actors/guarded.hpp>
#include <weft/nodes/node_state.hpp>

/// An application's on_offer function: how it is called, and how it ends.
namespace weft::detail {

transfer::Decision OfferFunction::ask(const transfer::AskOffer& offer, const LogSink& log) {
  Result<MutableTensorView> chosen = fail(ErrorClass::kInternal, "on_offer", "the receiver's function threw");
  actors::run_guarded(log, "on_offer", [&] {
    chosen = choose_(Offer{.from = offer.from,
                           .name = offer.name,
                           .meta = offer.meta,
                           .bytes = offer.bytes,
                           .generation = offer.generation});
  });
  if (!chosen) return chosen.error();
  if (chosen->data() == nullptr) return transfer::Accept{};
  if (auto valid = chosen->check(); !valid) return valid.error();
  if (!chosen->device().is_host())
    return Error(ErrorClass::kUnsupported, "on_offer",
                 "the destination is on " + chosen->device().to_string() + "; only host memory is written yet");
  if (chosen->byte_size() < offer.bytes || !chosen->meta().strides.empty())
    return Error(ErrorClass::kInvalidArgument, "on_offer",
                 "the destination must be dense and as large as what is pushed");
  return transfer::Accept{.into = static_cast<std::byte*>(chosen->data()),
                          .size = static_cast<std::size_t>(chosen->byte_size())};
}

void OfferFunction::show(const std::shared_ptr<OfferFunction>& self, const transfer::AskOffer& offer,
                         const LogSink& log,
                         const std::function<void(std::optional<transfer::Decision>, actors::Inbox::Placing)>& decide) {
  if (!self) return decide(std::nullopt, nullptr);
  {
    const std::lock_guard lock(self->mutex_);
    if (self->ended_) return decide(std::nullopt, nullptr);
    self->running_ = std::this_thread::get_id();
  }
  transfer::Decision decision = self->ask(offer, log);
  const std::lock_guard lock(self->mutex_);
  self->running_ = {};
  self->changed_.notify_all();
  if (self->ended_)
    return decide(Error(ErrorClass::kOverloaded, "push", "nobody receives it any more"),
                  nullptr);  // its memory may be on its way out
  actors::Inbox::Placing placing;
  if (const auto* accept = std::get_if<transfer::Accept>(&decision); accept != nullptr && accept->into != nullptr) {
    ++self->placing_;
    placing = std::shared_ptr<const void>(self.get(), [self](const void*) {
      const std::lock_guard placed(self->mutex_);
      --self->placing_;
      self->changed_.notify_all();
    });
  }
  decide(std::move(decision), std::move(placing));
}

void OfferFunction::end() {
  std::unique_lock lock(mutex_);
  ended_ = true;
  changed_.wait(lock, [this] { return running_ == std::thread::id{} || running_ == std::this_thread::get_id(); });
  if (running_ != std::thread::id{}) return;  // inside of it: it goes with its last call
  const Choose dropped = std::move(choose_);
  choose_ = nullptr;
  lock.unlock();
}

void OfferFunction::wait_for_writes() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(5), [this] { return placing_ == 0; });
}

}  // namespace weft::detail
