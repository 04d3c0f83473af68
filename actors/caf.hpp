#pragma once

#include <chrono>
#include <functional>
#include <utility>

/// The one place where Weft meets CAF's spelling, which differs between 0.17 (Debian, Ubuntu) and 1.x. Installed with
/// weft::actors, whose headers need it.
#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/error.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/sec.hpp>
#include <caf/send.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#if CAF_VERSION < 1800
#include <caf/replies_to.hpp>
#else
#include <caf/anon_mail.hpp>
#endif

/// Plain structs as messages: they stay in their process, so nothing serialises them. CAF 1.x numbers message types, in
/// blocks; weft::actors::init_types makes them known to it.
#if CAF_VERSION < 1800
#define WEFT_MESSAGES_BEGIN(block, offset)
#define WEFT_MESSAGE(block, type) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(type)
#define WEFT_MESSAGES_END(block)
#else
#define WEFT_MESSAGES_BEGIN(block, offset) CAF_BEGIN_TYPE_ID_BLOCK(block, caf::first_custom_type_id + (offset))
#define WEFT_MESSAGE(block, type) CAF_ADD_TYPE_ID(block, (type)) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(type)
#define WEFT_MESSAGES_END(block) CAF_END_TYPE_ID_BLOCK(block)
#endif

namespace weft::actors {

#if CAF_VERSION < 1800

/// In a typed actor's signature: answers an In with an Out.
template <class In, class Out>
using Answers = typename caf::replies_to<In>::template with<Out>;
/// Takes an In, and answers nothing.
template <class In>
using Takes = typename caf::replies_to<In>::template with<void>;

/// From any thread, from no actor.
template <class Handle, class Message>
void send_from_nobody(const Handle& to, Message message) {
  caf::anon_send(to, std::move(message));
}
/// From an actor, without asking for an answer.
template <class Self, class Message>
void send_from(Self& self, const caf::actor& to, Message message) {
  // Not self.send: a typed actor has it for typed receivers only.
  to->enqueue(self.ctrl(), caf::make_message_id(), caf::make_message(std::move(message)), self.context());
}
/// Whoever does not know a message answers it with an error, which would end the actor that sent it.
template <class Self>
void survive_errors(Self& self) {
  self.set_error_handler([](caf::error&) {});
}
/// To itself, later.
template <class Self, class Message>
void continue_after(Self& self, std::chrono::milliseconds delay, Message message) {
  self.delayed_send(&self, delay, std::move(message));
}

/// While it lives, an actor is told of another's end.
class Watch {
 public:
  template <class Self, class Gone>
  Watch(Self& self, const caf::actor_addr& whom, Gone gone) : end_([&self, whom] { self.demonitor(whom); }) {
    self.set_down_handler([gone](caf::down_msg& message) { gone(message.source); });
    self.monitor(whom);
  }
  Watch(Watch&& other) noexcept : end_(std::exchange(other.end_, nullptr)) {}
  Watch& operator=(Watch&&) = delete;
  ~Watch() {
    if (end_) end_();
  }

 private:
  std::function<void()> end_;
};

#else

template <class In, class Out>
using Answers = caf::result<Out>(In);
template <class In>
using Takes = caf::result<void>(In);

template <class Handle, class Message>
void send_from_nobody(const Handle& to, Message message) {
  caf::anon_mail(std::move(message)).send(to);
}
template <class Self, class Message>
void send_from(Self& self, const caf::actor& to, Message message) {
  // Not self.mail: a typed actor has it for typed receivers only.
  to->enqueue(caf::make_mailbox_element(caf::actor_cast<caf::strong_actor_ptr>(self.address()), caf::make_message_id(),
                                        std::move(message)),
              self.context());
}
template <class Self>
void survive_errors(Self&) {}
template <class Self, class Message>
void continue_after(Self& self, std::chrono::milliseconds delay, Message message) {
  self.mail(std::move(message)).delay(delay).send(&self);
}

class Watch {
 public:
  template <class Self, class Gone>
  Watch(Self& self, const caf::actor_addr& whom, Gone gone)
      : end_(self.monitor(caf::actor_cast<caf::strong_actor_ptr>(whom),
                          [gone, whom](const caf::error&) { gone(whom); })) {}
  Watch(Watch&& other) noexcept : end_(std::exchange(other.end_, {})) {}
  Watch& operator=(Watch&&) = delete;
  ~Watch() { end_.dispose(); }

 private:
  caf::disposable end_;
};

#endif

}  // namespace weft::actors
