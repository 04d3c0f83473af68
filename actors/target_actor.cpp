#include <chrono>
#include <set>
#include <utility>

#include <weft/actors/grain_actors.hpp>
#include <weft/actors/serving.hpp>
#include <weft/nodes/grain_states.hpp>

namespace weft::actors {
namespace {

using detail::TargetState;

constexpr auto kCloseWithin = std::chrono::seconds(4);  // as Target::close

/// State of one actor. What the ring tells arrives as Continue messages.
class TargetServer final : public Closes<TargetActor> {
 public:
  TargetServer(caf::actor_config& config, std::shared_ptr<TargetState> target)
      : Closes(config), target_(std::move(target)) {}

  void on_exit() override {
    // Whoever writes and waits needs no actor: the ring closes by itself, and its state keeps the memory.
    if (!target_->is_closed()) target_->begin_close();
    target_->set_wake({});
    // From nobody: this may be any thread, the one that let the last handle go.
    if (const auto to = subscriber(); to && !ended_)
      send_from_nobody(to, TargetEnded{Error(ErrorClass::kShuttingDown, "target", "the target's actor has ended")});
    refuse_close("target");
    subscriber_.reset();
    target_.reset();  // the actor itself stays as long as its handles
    Closes::on_exit();
  }

 protected:
  behavior_type make_behavior() override {
    target_->set_wake(waking(caf::actor_cast<caf::actor>(this->address()), [this] { look(); }));
    return {
        [this](const Subscribe&) { return subscribe(); }, [this](const Unsubscribe&) { return unsubscribe(); },
        [this](const Release& m) { return release(m); },  [this](const AskTargetStats&) { return target_->stats(); },
        [this](const CloseTarget&) { return close(); },   [](const Continue& m) { (*m.work)(); }};
  }

 private:
  struct Subscriber {
    caf::actor actor;  // held: who waits for grains may be held by nobody else
    Watch watch;
  };
  caf::actor subscriber() const { return subscriber_ ? subscriber_->actor : caf::actor(); }

  caf::result<Subscribed> subscribe() {
    const auto sender = caf::actor_cast<caf::actor>(current_sender());
    if (!sender) return to_caf(Error(ErrorClass::kInvalidArgument, "subscribe", "nobody would hear of it"));
    if (target_->is_closed()) return to_caf(Error(ErrorClass::kShuttingDown, "subscribe", "the target is closed"));
    if (subscriber_ && subscriber_->actor != sender)
      return to_caf(Error(ErrorClass::kExists, "subscribe", "another actor hears of this target's grains")
                        .with_hint("Unsubscribe there first"));
    if (!subscriber_) {
      Watch watch(self(), sender.address(), [this](const caf::actor_addr&) { subscriber_ended(); });
      subscriber_.emplace(Subscriber{.actor = sender, .watch = std::move(watch)});
    }
    continue_at(caf::actor_cast<caf::actor>(this->address()), [this] { look(); });  // after the answer
    return Subscribed{target_->info()};
  }

  Promise unsubscribe() {
    if (!subscriber_ || subscriber_->actor != caf::actor_cast<caf::actor>(current_sender()))
      return answer_done(*this, fail(ErrorClass::kInvalidArgument, "unsubscribe", "the sender has not subscribed"));
    subscriber_.reset();
    held_.clear();  // the sender's to release, whatever becomes of the next one
    return answer_done(*this, {});
  }

  void subscriber_ended() {
    subscriber_.reset();
    for (const std::uint32_t slot : std::exchange(held_, {})) (void)target_->release(slot);
  }

  Promise release(const Release& m) {
    auto released = target_->release(m.slot);
    if (released) held_.erase(m.slot);
    return answer_done(*this, std::move(released));
  }

  /// Tells what came. Without a subscriber it waits in the ring.
  void look() {
    for (const auto to = subscriber(); to;) {
      auto grain = target_->try_read();
      if (!grain) break;
      if (grain->complete) held_.insert(grain->slot);
      send_from(self(), to, GrainCame{*grain});
    }
    if (!target_->is_closed()) return;
    tell_ended(is_closing() ? Error(ErrorClass::kShuttingDown, "target", "it was closed")
                            : Error(ErrorClass::kShuttingDown, "target", "its node has stopped"));
    if (!is_closing()) return;
    closed();
  }

  void tell_ended(Error why) {
    const auto to = subscriber();
    if (to && !std::exchange(ended_, true)) send_from(self(), to, TargetEnded{std::move(why)});
  }

  Promise close() {
    return Closes::close(kCloseWithin, "an initiator may still be writing; its session is being closed", [this] {
      if (!target_->is_closed()) target_->begin_close();
      look();
    });
  }

  std::shared_ptr<TargetState> target_;
  std::optional<Subscriber> subscriber_;
  std::set<std::uint32_t> held_;  // told to the subscriber and not released
  bool ended_ = false;
};

}  // namespace

Result<TargetActor> spawn_target(caf::actor_system& system, Target target) {
  auto state = detail::NodeRef::state_of(std::move(target));
  if (state->has_function()) {
    state->begin_close();
    return fail(Error(ErrorClass::kInvalidArgument, "spawn_target", "the target tells its grains to a function")
                    .with_hint("open it without on_grain"));
  }
  return system.spawn<TargetServer>(std::move(state));
}

}  // namespace weft::actors
