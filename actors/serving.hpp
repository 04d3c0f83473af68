#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <weft/actors/actor_error.hpp>
#include <weft/actors/caf.hpp>
#include <weft/nodes/hand_on.hpp>
#include <weft/nodes/node_ref.hpp>

/// What the actors behind the typed handles share. Not installed.
namespace weft::actors {

/// Runs on the actor that it is sent to: how a node's loop reaches what only the actor may touch.
struct Continue {
  std::shared_ptr<std::move_only_function<void()>> work{};
  static Continue of(std::move_only_function<void()> work) {
    return {std::make_shared<std::move_only_function<void()>>(std::move(work))};
  }
};

}  // namespace weft::actors

WEFT_MESSAGES_BEGIN(weft_serving, 4400)
WEFT_MESSAGE(weft_serving, weft::actors::Continue)
WEFT_MESSAGES_END(weft_serving)

namespace weft::actors {

/// Any thread; runs nothing when the actor has ended.
inline void continue_at(const caf::actor& actor, std::move_only_function<void()> work) {
  send_from_nobody(actor, Continue::of(std::move(work)));
}

/// The same for an actor that is not kept alive by what will wake it.
inline std::function<void()> waking(const caf::actor& actor, std::function<void()> work) {
  return [weak = caf::actor_cast<caf::actor_addr>(actor), work = std::move(work)] {
    if (const auto alive = caf::actor_cast<caf::actor>(weak)) continue_at(alive, work);
  };
}

/// Answers the message at hand with Done where an answer was asked for, or with what went wrong.
template <class Self>
caf::typed_response_promise<Done> answer_done(Self& self, Result<void> result) {
  const bool asked = self.current_mailbox_element()->mid.is_request();
  auto promise = self.template make_response_promise<Done>();
  if (!result)
    promise.deliver(to_caf(std::move(result).error()));
  else if (asked)
    promise.deliver(Done{});
  return promise;
}

/// An actor that answers `Public`'s requests with what calls of a node come to. State of one actor, touched by it only;
/// results arrive as Continue messages. While a call is open its result holds the actor.
template <class Public>
class Server : public Public::template extend<Takes<Continue>>::base {
 public:
  using Base = typename Public::template extend<Takes<Continue>>::base;
  Server(caf::actor_config& config, detail::NodeRef node) : Base(config), node_(std::move(node)) {
    survive_errors(*static_cast<Base*>(this));
  }

  void on_exit() override {
    for (auto& [id, call] : std::exchange(calls_, {})) {
      if (call.refuse) call.refuse(Error(ErrorClass::kShuttingDown, "message", "the actor that was asked has ended"));
      if (call.cookie != 0) node_.cancel(call.cookie);
    }
    requesters_.clear();
    Base::on_exit();
  }

 protected:
  template <class Reply>
  using Promise = caf::typed_response_promise<Reply>;
  template <class T>
  using Settle = std::function<void(T)>;

  const detail::NodeRef& node() const noexcept { return node_; }

  /// Answers the message at hand with what the call comes to. `begin(node)` makes its future; `convert(value)` the
  /// reply. `keep` lives until the call has ended.
  template <class Reply, class Begin, class Convert>
  Promise<Reply> call(KeepAlive keep, Begin begin, Convert convert) {
    const auto requester = caf::actor_cast<caf::actor_addr>(this->current_sender());  // the promise takes it away
    auto promise = this->template make_response_promise<Reply>();
    auto held = node_.lock();
    if (!held) {
      promise.deliver(to_caf(std::move(held).error()));
      return promise;
    }
    const std::uint64_t id = open(promise, requester);
    auto kept = keep ? std::make_shared<Kept>(node_, std::move(keep)) : nullptr;
    hand_on<Reply>(id, begin(**held), promise, std::move(kept), std::move(convert));
    return promise;
  }

  /// The same for what NodeRef answers: `ask(answer)`.
  template <class Reply, class T, class Ask, class Convert>
  Promise<Reply> ask(Ask ask, Convert convert) {
    const auto requester = caf::actor_cast<caf::actor_addr>(this->current_sender());
    auto promise = this->template make_response_promise<Reply>();
    const std::uint64_t id = open(promise, requester);
    ask([this, self = caf::actor_cast<caf::actor>(this), id, promise, convert](Result<T> result) mutable {
      continue_at(self, [this, id, promise, convert, result = std::move(result)]() mutable {
        if (close(id) != kUnknown) settle<Reply>(promise, result, convert);
      });
    });
    return promise;
  }

  void work_off(const Continue& message) { (*message.work)(); }

 private:
  enum Closed { kUnknown, kAbandoned, kWanted };
  /// Memory of the application's, dropped where that holds up nobody.
  struct Kept {
    detail::NodeRef node;
    KeepAlive memory;
    Kept(detail::NodeRef owner, KeepAlive kept) : node(std::move(owner)), memory(std::move(kept)) {}
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;
    ~Kept() { node.let_go(std::move(memory)); }
  };
  /// What a call came to. If nobody takes it, though its message be dropped unread, the node gets it back.
  template <class T>
  struct Ended {
    std::shared_ptr<std::shared_ptr<detail::Shared<T>>> shared;
    Result<T> result;
    bool taken = false;
    Ended(std::shared_ptr<std::shared_ptr<detail::Shared<T>>> call, Result<T> what)
        : shared(std::move(call)), result(std::move(what)) {}
    Ended(const Ended&) = delete;
    Ended& operator=(const Ended&) = delete;
    ~Ended() {
      const auto call = std::exchange(*shared, nullptr);
      if (!taken && result && call && call->unclaimed) call->unclaimed(std::move(*result));
    }
  };
  struct Call {
    std::uint64_t cookie = 0;  ///< the node's; 0 where it cannot be cancelled
    caf::actor_addr requester{};
    std::function<void(Error)> refuse{};  ///< none: nobody waits any more
  };
  struct Requester {
    Watch watch;
    std::set<std::uint64_t> calls{};
  };

  template <class Reply>
  std::uint64_t open(const Promise<Reply>& promise, const caf::actor_addr& requester) {
    const std::uint64_t id = next_++;
    calls_.emplace(id, Call{.requester = requester, .refuse = [promise = promise](Error why) mutable {
                              promise.deliver(to_caf(std::move(why)));
                            }});
    if (!requester) return id;  // sent by nobody: it is carried out, and answered to nobody
    auto found = requesters_.find(requester);
    if (found == requesters_.end()) {
      Watch watch(*static_cast<Base*>(this), requester, [this](const caf::actor_addr& whom) { requester_ended(whom); });
      found = requesters_.emplace(requester, Requester{.watch = std::move(watch)}).first;
    }
    found->second.calls.insert(id);
    return id;
  }

  Closed close(std::uint64_t id) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return kUnknown;
    const Closed how = found->second.refuse ? kWanted : kAbandoned;
    if (const auto asked = requesters_.find(found->second.requester); asked != requesters_.end()) {
      asked->second.calls.erase(id);
      if (asked->second.calls.empty()) requesters_.erase(asked);
    }
    calls_.erase(found);
    return how;
  }

  /// Nobody waits for its answers any more.
  void requester_ended(const caf::actor_addr& whom) {
    const auto found = requesters_.find(whom);
    if (found == requesters_.end()) return;
    const auto ended = std::move(found->second.calls);
    requesters_.erase(found);
    for (const std::uint64_t id : ended) {
      Call& call = calls_.at(id);
      call.refuse = nullptr;
      if (call.cookie != 0) node_.cancel(call.cookie);
    }
  }

  template <class Reply, class T, class Convert>
  void hand_on(std::uint64_t id, Future<T> future, const Promise<Reply>& promise, std::shared_ptr<Kept> kept,
               Convert convert) {
    // Made before the call may end; filled in before anybody reads it, which is this actor, later.
    const auto shared = std::make_shared<std::shared_ptr<detail::Shared<T>>>();
    *shared = detail::HandOn::run(std::move(future),
                                  [this, self = caf::actor_cast<caf::actor>(this), id, promise = promise, shared,
                                   kept = std::move(kept), convert = std::move(convert)](Result<T> result) mutable {
                                    auto ended = std::make_shared<Ended<T>>(shared, std::move(result));
                                    continue_at(self, [this, id, promise, ended = std::move(ended),
                                                       kept = std::move(kept), convert = std::move(convert)]() mutable {
                                      if (close(id) != kWanted) return;
                                      ended->taken = true;
                                      settle<Reply>(promise, ended->result, convert);
                                    });
                                  });
    if (const auto found = calls_.find(id); found != calls_.end()) found->second.cookie = (*shared)->cookie;
  }

  template <class Reply, class T, class Convert>
  static void settle(Promise<Reply>& promise, Result<T>& result, Convert& convert) {
    if (result)
      promise.deliver(convert(std::move(*result)));
    else
      promise.deliver(to_caf(std::move(result).error()));
  }

  detail::NodeRef node_;
  std::uint64_t next_ = 1;
  std::map<std::uint64_t, Call> calls_;
  std::map<caf::actor_addr, Requester> requesters_;
};

/// An actor that answers a message which closes what it stands for, and ends with that. What happens there reaches it
/// as Continue messages. State of one actor, touched by it only.
template <class Public>
class Closes : public Public::template extend<Takes<Continue>>::base {
 public:
  using Base = typename Public::template extend<Takes<Continue>>::base;
  explicit Closes(caf::actor_config& config) : Base(config) { survive_errors(self()); }

 protected:
  using Promise = caf::typed_response_promise<Done>;

  Base& self() noexcept { return *this; }
  bool is_closing() const noexcept { return closing_.has_value(); }

  /// Answers the message at hand: by closed(), which `begin()` may call already, or after `within` with
  /// DeadlineExceeded and `late`.
  template <class Begin>
  Promise close(std::chrono::milliseconds within, std::string late, Begin begin) {
    if (closing_) return answer_done(*this, fail(ErrorClass::kExists, "close", "it is being closed already"));
    auto promise = this->template make_response_promise<Done>();
    closing_ = promise;
    begin();
    if (closing_)
      continue_after(
          self(), within, Continue::of([this, late = std::move(late)] {
            if (!closing_) return;
            std::exchange(closing_, std::nullopt)->deliver(to_caf(Error(ErrorClass::kDeadlineExceeded, "close", late)));
            this->quit();
          }));
    return promise;
  }
  void closed() {
    std::exchange(closing_, std::nullopt)->deliver(Done{});
    this->quit();
  }
  /// The actor ends before: `what` it is.
  void refuse_close(std::string what) {
    if (closing_)
      closing_->deliver(to_caf(Error(ErrorClass::kShuttingDown, std::move(what), "its actor was ended before")));
  }

 private:
  std::optional<Promise> closing_;
};

}  // namespace weft::actors
