#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>

#include <weft/actors/grain_actors.hpp>
#include <weft/actors/serving.hpp>
#include <weft/nodes/grain_states.hpp>

namespace weft::actors {
namespace {

using detail::InitiatorState;

constexpr auto kCloseWithin = std::chrono::seconds(2);  // as Initiator::close

/// State of one actor. What the links tell arrives as Continue messages.
class InitiatorServer final : public Closes<InitiatorActor> {
 public:
  InitiatorServer(caf::actor_config& config, std::shared_ptr<InitiatorState> initiator)
      : Closes(config), initiator_(std::move(initiator)) {}

  void on_exit() override {
    // The state keeps the memory of what is under way until nothing reads it.
    auto kept = std::make_shared<std::vector<KeepAlive>>();
    for (auto& [number, send] : sends_) kept->push_back(std::move(send.memory));
    if (!kept->empty()) initiator_->keep(std::move(kept));
    initiator_->set_wake({});
    initiator_->begin_close();
    refuse_close("initiator");
    sends_.clear();
    links_.clear();
    initiator_.reset();  // the actor itself stays as long as its handles
    Closes::on_exit();
  }

 protected:
  behavior_type make_behavior() override {
    initiator_->set_wake(waking(caf::actor_cast<caf::actor>(this->address()), [this] { look(); }));
    return {[this](const AddTarget& m) { return add(m); }, [this](const RemoveTarget& m) { return remove(m); },
            [this](const SendGrain& m) { return send_grain(m); }, [this](const CloseInitiator&) { return close(); },
            [](const Continue& m) { (*m.work)(); }};
  }

 private:
  /// A grain that was sent and has results to come.
  struct Send {
    caf::actor requester{};  // held: who waits for a result may be held by nobody else
    std::set<std::size_t> targets{};
    KeepAlive memory{};
  };
  struct Link {
    caf::actor adder{};
    TargetLink told = TargetLink::kConnecting;
    bool had_reason = false;
  };

  caf::result<TargetAdded> add(const AddTarget& m) {
    const auto number = initiator_->add_target(m.info);
    if (!number) return to_caf(number.error());
    links_[*number] = {.adder = caf::actor_cast<caf::actor>(current_sender())};
    return TargetAdded{*number};
  }

  Promise remove(const RemoveTarget& m) {
    auto removed = initiator_->remove_target(m.info);
    const auto left = initiator_->targets();
    std::erase_if(links_, [&](const auto& entry) { return !std::ranges::binary_search(left, entry.first); });
    return answer_done(*this, std::move(removed));
  }

  caf::result<GrainSent> send_grain(const SendGrain& m) {
    const auto sent = initiator_->send(m.index, m.parts, m.options);
    if (!sent) return to_caf(sent.error());
    Send send{.requester = caf::actor_cast<caf::actor>(current_sender()), .memory = m.keep_alive};
    for (const std::size_t number : initiator_->targets())
      if (!m.options.only || *m.options.only == number) send.targets.insert(number);
    sends_.emplace(initiator_->sends() - 1, std::move(send));
    return GrainSent{*sent};
  }

  /// Tells what has ended, and which links have changed.
  void look() {
    while (auto result = initiator_->next_result()) pass_on(std::move(*result));
    for (auto& [number, link] : links_) {
      const TargetLink now = initiator_->link(number);
      auto why = now == TargetLink::kConnected ? std::nullopt : initiator_->why(number);
      if (now == link.told && why.has_value() == link.had_reason) continue;
      link.told = now;
      link.had_reason = why.has_value();
      if (link.adder) send_from(self(), link.adder, LinkChanged{.target = number, .link = now, .why = std::move(why)});
    }
    if (!is_closing() || !initiator_->is_quiet()) return;
    if (initiator_->pending() != 0 && !initiator_->node_has_stopped()) return;
    closed();
  }

  void pass_on(GrainResult result) {
    const auto found = sends_.find(result.send);
    if (found == sends_.end()) return;
    Send& send = found->second;
    send.targets.erase(result.target);
    if (send.requester) send_from(self(), send.requester, std::move(result));
    if (send.targets.empty()) sends_.erase(found);  // nothing reads its memory any more
  }

  Promise close() {
    return Closes::close(kCloseWithin, "what was sent may still be read; its sessions are being closed", [this] {
      initiator_->begin_close();
      look();
    });
  }

  std::shared_ptr<InitiatorState> initiator_;
  std::map<std::size_t, Link> links_;
  std::map<std::uint64_t, Send> sends_;  // by the call's number: several may be of one index
};

}  // namespace

Result<InitiatorActor> spawn_initiator(caf::actor_system& system, Initiator initiator) {
  auto state = detail::NodeRef::state_of(std::move(initiator));
  if (state->has_function()) {
    state->begin_close();
    return fail(Error(ErrorClass::kInvalidArgument, "spawn_initiator", "the initiator tells its results to a function")
                    .with_hint("open it without on_result"));
  }
  return system.spawn<InitiatorServer>(std::move(state));
}

}  // namespace weft::actors
