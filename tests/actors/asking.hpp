#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <tests/nodes/nodes.hpp>
#include <weft/actors/endpoint_actor.hpp>

/// What the tests of the typed handles share: a CAF application of one scoped actor, which asks and waits.
namespace weft::test {

inline constexpr auto kAnswerWithin = std::chrono::seconds(60);  ///< a watchdog, never an expectation

/// Before the first system is made.
struct System {
  System() {
    actors::init_types();
    system.emplace(config);
  }
  caf::actor_system_config config{};
  std::optional<caf::actor_system> system{};
  operator caf::actor_system&() { return *system; }  // NOLINT
};

template <class Message, class Handle>
auto request(caf::scoped_actor& self, const Handle& to, Message message) {
#if CAF_VERSION < 1800
  return self->request(to, kAnswerWithin, std::move(message));
#else
  return self->mail(std::move(message)).request(to, kAnswerWithin);
#endif
}

/// The answer, or its error as Weft tells it.
template <class Reply, class Handle, class Message>
Result<Reply> ask(caf::scoped_actor& self, const Handle& to, Message message) {
  std::optional<Result<Reply>> result;
  request(self, to, std::move(message))
      .receive([&](Reply& reply) { result.emplace(std::move(reply)); },
               [&](const caf::error& error) { result.emplace(fail(actors::error_of(error))); });
  return std::move(*result);
}

/// An event-based actor's request; both handlers run on that actor.
template <class Reply, class Handle, class Message>
void ask_then(caf::event_based_actor* self, const Handle& to, Message message,
              const std::function<void(Result<Reply>)>& then) {
  const auto ok = [then](Reply& reply) { then(std::move(reply)); };
  const auto bad = [then](const caf::error& error) { then(fail(actors::error_of(error))); };
#if CAF_VERSION < 1800
  self->request(to, caf::infinite, std::move(message)).then(ok, bad);
#else
  self->mail(std::move(message)).request(to, caf::infinite).then(ok, bad);
#endif
}

/// Memory that tells when nobody holds it any more.
struct Watched {
  explicit Watched(std::vector<std::byte> content)
      : bytes(std::make_shared<std::vector<std::byte>>(std::move(content))) {
    alive = bytes;
  }
  KeepAlive keep() { return std::exchange(bytes, nullptr); }  ///< the only hold
  TensorView view() const { return TensorView::bytes(*bytes); }
  bool is_gone() const { return alive.expired(); }
  std::shared_ptr<std::vector<std::byte>> bytes;
  std::weak_ptr<std::vector<std::byte>> alive;
};

}  // namespace weft::test
