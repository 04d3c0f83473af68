#include <weft/actors/grain_actors.hpp>

#include <array>
#include <deque>
#include <map>

#include <tests/actors/asking.hpp>

using namespace weft;
using namespace weft::actors;
using namespace weft::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kBytes = 1000;

/// Memory of a ring, and its slots.
struct Ring {
  explicit Ring(std::size_t grains, std::string name = "grains") : memory(std::vector<std::byte>(grains * kBytes)) {
    options.name = std::move(name);
    for (std::size_t i = 0; i < grains; ++i)
      options.slots.push_back(std::span(*memory.bytes).subspan(i * kBytes, kBytes));
    options.keep_alive = memory.keep();
  }
  Watched memory;
  TargetOptions options{};
};

/// A scoped actor and what was sent to it that nobody looked at yet.
struct Listener {
  explicit Listener(caf::actor_system& system) : self(system) {}
  caf::scoped_actor self;
  std::deque<GrainCame> grains{};
  std::deque<GrainResult> results{};
  std::map<std::size_t, LinkChanged> links{};
  std::optional<TargetEnded> ended{};

  /// The next message of these kinds; false: none came before the watchdog.
  bool listen() {
    bool came = true;
    self->receive([&](const GrainCame& m) { grains.push_back(m); }, [&](const GrainResult& m) { results.push_back(m); },
                  [&](const LinkChanged& m) { links[m.target] = m; }, [&](const TargetEnded& m) { ended = m; },
                  caf::after(kAnswerWithin) >> [&] { came = false; });
    return came;
  }
  template <class Condition>
  void until(Condition condition) {
    while (!condition())
      if (!listen()) FAIL("nothing came");
  }
  Grain grain() {
    until([this] { return !grains.empty(); });
    const Grain first = grains.front().grain;
    grains.pop_front();
    return first;
  }
  GrainResult result() {
    until([this] { return !results.empty(); });
    GrainResult first = std::move(results.front());
    results.pop_front();
    return first;
  }
  void until_connected(std::size_t target) {
    until([&] { return links.contains(target) && links.at(target).link == TargetLink::kConnected; });
  }
};

/// A target at one node, an initiator at another.
struct Pair {
  explicit Pair(std::size_t grains = 4) : ring(grains) {
    target = need(spawn_target(caf, need(server.open_target(ring.options))));
    initiator = need(spawn_initiator(caf, need(client.open_initiator())));
    ring.options = {};
  }
  TargetInfo connect() {
    const auto info = need(ask<Subscribed>(reader.self, target, Subscribe{})).info;
    const auto number = need(ask<TargetAdded>(writer.self, initiator, AddTarget{info})).target;
    writer.until_connected(number);
    return info;
  }
  Result<GrainSent> send(std::uint64_t index, SendOptions options = {}) {
    Watched memory(noise(kBytes, index));
    sent.push_back(memory.alive);
    const std::span<const std::byte> bytes(*memory.bytes);
    return ask<GrainSent>(writer.self, initiator,
                          SendGrain{.index = index, .parts = {bytes}, .keep_alive = memory.keep(), .options = options});
  }
  bool all_let_go() const {
    return soon([this] { return std::ranges::all_of(sent, [](const auto& memory) { return memory.expired(); }); });
  }
  System caf{};
  Ring ring;
  TensorNode server = start();
  TensorNode client = start();
  TargetActor target{};
  InitiatorActor initiator{};
  Listener reader{caf}, writer{caf};
  std::vector<std::weak_ptr<std::vector<std::byte>>> sent{};
};

bool holds(const Grain& grain, std::uint64_t index) {
  return grain.index == index && std::ranges::equal(grain.data, noise(kBytes, index));
}

}  // namespace

TEST_CASE("grain actors: each grain comes in its slot, and each send has its result") {
  Pair pair;
  pair.connect();
  for (std::uint64_t index = 0; index < 20; ++index) {
    CHECK(need(pair.send(index)).targets == 1);
    const Grain grain = pair.reader.grain();
    CHECK(holds(grain, index));
    CHECK(grain.slot == index % 4);
    CHECK(grain.from == pair.client.id());
    need(ask<Done>(pair.reader.self, pair.target, Release{grain.slot}));
    const GrainResult result = pair.writer.result();
    CHECK(result.index == index);
    CHECK(result.target == 0);
    CHECK(result.result.has_value());
  }
  const auto stats = need(ask<TargetStats>(pair.reader.self, pair.target, AskTargetStats{}));
  CHECK(stats.grains == 20);
  CHECK(stats.held == 0);
  CHECK(stats.initiators == 1);
  CHECK(pair.all_let_go());
}

TEST_CASE("grain actors: a slot that is not released makes the next grain wait") {
  Pair pair(2);
  pair.connect();
  for (std::uint64_t index = 0; index < 3; ++index) need(pair.send(index));
  const Grain first = pair.reader.grain();
  CHECK(holds(first, 0));
  CHECK(holds(pair.reader.grain(), 1));
  CHECK(pair.writer.result().index == 0);
  CHECK(pair.writer.result().index == 1);
  CHECK(holds(first, 0));  // not written again, though one waits
  CHECK(need(ask<TargetStats>(pair.reader.self, pair.target, AskTargetStats{})).grains == 2);
  need(ask<Done>(pair.reader.self, pair.target, Release{first.slot}));
  CHECK(holds(pair.reader.grain(), 2));
  CHECK(pair.writer.result().result.has_value());
}

TEST_CASE("grain actors: a grain goes to every target, with a result for each") {
  Pair pair;
  pair.connect();
  Ring other(3, "other");
  const auto second = need(spawn_target(pair.caf, need(pair.server.open_target(other.options))));
  other.options = {};
  Listener reader(pair.caf);
  const auto info = need(ask<Subscribed>(reader.self, second, Subscribe{})).info;
  const auto number = need(ask<TargetAdded>(pair.writer.self, pair.initiator, AddTarget{info})).target;
  pair.writer.until_connected(number);
  CHECK(need(pair.send(7)).targets == 2);
  CHECK(holds(pair.reader.grain(), 7));
  CHECK(holds(reader.grain(), 7));
  CHECK(pair.writer.result().target + pair.writer.result().target == 1);
  CHECK(need(pair.send(8, {.only = number})).targets == 1);
  CHECK(holds(reader.grain(), 8));
  CHECK(pair.writer.result().target == number);

  need(ask<Done>(pair.writer.self, pair.initiator, RemoveTarget{info}));
  CHECK(need(pair.send(9)).targets == 1);
  CHECK(holds(pair.reader.grain(), 9));
  CHECK(pair.writer.result().target == 0);
  CHECK(failure(ask<Done>(pair.writer.self, pair.initiator, RemoveTarget{info})) == ErrorClass::kNotFound);
  CHECK(pair.all_let_go());
}

TEST_CASE("grain actors: what fails is answered by the error that every face tells") {
  Pair pair;
  CHECK(failure(pair.send(0)) == ErrorClass::kPeerUnreachable);
  const auto info = pair.connect();
  CHECK(failure(ask<TargetAdded>(pair.writer.self, pair.initiator, AddTarget{info})) == ErrorClass::kExists);
  CHECK(failure(ask<TargetAdded>(pair.writer.self, pair.initiator, AddTarget{})) == ErrorClass::kInvalidArgument);
  CHECK(failure(ask<GrainSent>(pair.writer.self, pair.initiator, SendGrain{.index = 1})) ==
        ErrorClass::kInvalidArgument);
  CHECK(failure(pair.send(1, {.only = 17})) == ErrorClass::kNotFound);
  CHECK(failure(ask<Done>(pair.reader.self, pair.target, Release{0})) == ErrorClass::kInvalidArgument);
  CHECK(failure(ask<Done>(pair.reader.self, pair.target, Release{99})) == ErrorClass::kInvalidArgument);
  CHECK(failure(ask<Subscribed>(pair.writer.self, pair.target, Subscribe{})) == ErrorClass::kExists);
  CHECK(failure(ask<Done>(pair.writer.self, pair.target, Unsubscribe{})) == ErrorClass::kInvalidArgument);
  need(ask<Subscribed>(pair.reader.self, pair.target, Subscribe{}));  // again: it is the same one
  need(ask<Done>(pair.reader.self, pair.target, Unsubscribe{}));
  need(ask<Subscribed>(pair.writer.self, pair.target, Subscribe{}));
  CHECK(pair.all_let_go());

  Ring ring(2, "with a function");
  ring.options.on_grain = [](const Grain&) {};
  CHECK(failure(spawn_target(pair.caf, need(pair.server.open_target(ring.options)))) == ErrorClass::kInvalidArgument);
  CHECK(
      failure(spawn_initiator(pair.caf, need(pair.server.open_initiator({.on_result = [](const GrainResult&) {}})))) ==
      ErrorClass::kInvalidArgument);
}

TEST_CASE("grain actors: a grain that no slot comes free for ends by its deadline") {
  Pair pair(1);
  pair.connect();
  need(pair.send(0));
  CHECK(holds(pair.reader.grain(), 0));
  CHECK(pair.writer.result().result.has_value());
  need(pair.send(1, {.deadline = 50ms}));
  const auto late = pair.writer.result();
  CHECK(late.index == 1);
  CHECK(failure(late.result) == ErrorClass::kDeadlineExceeded);
  CHECK(pair.all_let_go());
}

TEST_CASE("grain actors: a subscriber that ends lets its slots go, and the next one hears of what comes") {
  Pair pair(2);
  {
    Listener first(pair.caf);
    const auto info = need(ask<Subscribed>(first.self, pair.target, Subscribe{})).info;
    const auto number = need(ask<TargetAdded>(pair.writer.self, pair.initiator, AddTarget{info})).target;
    pair.writer.until_connected(number);
    for (std::uint64_t index = 0; index < 4; ++index) need(pair.send(index));
    CHECK(holds(first.grain(), 0));
    CHECK(holds(first.grain(), 1));  // both slots are held
  }
  // It has ended: what it held was released, and the other two grains came.
  for (std::uint64_t index = 0; index < 4; ++index) CHECK(pair.writer.result().result.has_value());
  need(ask<Subscribed>(pair.reader.self, pair.target, Subscribe{}));
  CHECK(holds(pair.reader.grain(), 2));
  CHECK(holds(pair.reader.grain(), 3));
}

TEST_CASE("grain actors: who does not know what it is told, or only sends, harms nobody") {
  Pair pair;
  // It subscribes, and has no handler for grains: CAF answers each with an error.
  const auto deaf = pair.caf.system->spawn([&](caf::event_based_actor* self) -> caf::behavior {
    self->set_default_handler(caf::drop);
    ask_then<Subscribed>(self, pair.target, Subscribe{},
                         [self, writer = caf::actor(pair.writer.self)](auto subscribed) {
                           send_from(*self, writer, need(std::move(subscribed)).info);
                         });
    return {[self](int) { self->quit(); }};
  });
  TargetInfo info;
  pair.writer.self->receive([&](const TargetInfo& told) { info = told; });
  const auto number = need(ask<TargetAdded>(pair.writer.self, pair.initiator, AddTarget{info})).target;
  pair.writer.until_connected(number);
  for (std::uint64_t index = 0; index < 4; ++index) need(pair.send(index));
  for (std::uint64_t index = 0; index < 4; ++index) CHECK(pair.writer.result().result.has_value());
  send_from(*pair.writer.self.ptr(), caf::actor_cast<caf::actor>(deaf), 1);
  CHECK(soon([&] { return need(ask<TargetStats>(pair.reader.self, pair.target, AskTargetStats{})).held == 0; }));
  need(ask<Subscribed>(pair.reader.self, pair.target, Subscribe{}));
  need(pair.send(4));
  const Grain grain = pair.reader.grain();
  CHECK(holds(grain, 4));
  // Sent and not asked: no answer comes, and a wrong one is only told.
  send_from(*pair.reader.self.ptr(), caf::actor_cast<caf::actor>(pair.target), Release{grain.slot});
  send_from(*pair.reader.self.ptr(), caf::actor_cast<caf::actor>(pair.target), Release{99});
  pair.reader.self->receive(
      [](const Done&) { FAIL("it was not asked for"); },
      [](const caf::error& error) { CHECK(error_of(error).kind() == ErrorClass::kInvalidArgument); });
  CHECK(need(ask<TargetStats>(pair.reader.self, pair.target, AskTargetStats{})).held == 0);
}

TEST_CASE("grain actors: a target that is lost is told of, with the reason") {
  Pair pair;
  pair.connect();
  { const auto gone = std::move(pair.server); }
  pair.writer.until([&] { return pair.writer.links.at(0).link != TargetLink::kConnected; });
  CHECK(pair.writer.links.at(0).why.has_value());
  pair.reader.until([&] { return pair.reader.ended.has_value(); });
  CHECK(pair.reader.ended->why.kind() == ErrorClass::kShuttingDown);
  CHECK(failure(pair.send(1)) == ErrorClass::kPeerUnreachable);
  CHECK(failure(ask<Subscribed>(pair.reader.self, pair.target, Subscribe{})) == ErrorClass::kShuttingDown);
  need(ask<Done>(pair.reader.self, pair.target, CloseTarget{}));
  CHECK(soon([&] { return pair.ring.memory.is_gone(); }));
}

TEST_CASE("grain actors: a subscriber hears of its target's node going, with or without a writer") {
  for (const int how : {0, 1, 2}) {
    CAPTURE(how);
    Pair pair;
    if (how == 2) pair.connect();
    need(ask<Subscribed>(pair.reader.self, pair.target, Subscribe{}));
    if (how == 0) need(pair.server.stop().wait());
    if (how == 2) need(pair.server.stop(Clock::now()).wait());  // no time for its peer's last word
    if (how != 0) {
      const auto gone = std::move(pair.server);
    }
    pair.reader.until([&] { return pair.reader.ended.has_value(); });
    CHECK(pair.reader.ended->why.kind() == ErrorClass::kShuttingDown);
    need(ask<Done>(pair.reader.self, pair.target, CloseTarget{}));
    CHECK(soon([&] { return pair.ring.memory.is_gone(); }));
  }
}

TEST_CASE("grain actors: when the initiator's node stops, what is under way ends and what is sent is refused") {
  Pair pair(1);
  pair.connect();
  need(pair.send(0));
  CHECK(pair.writer.result().result.has_value());
  need(pair.send(1));  // waits for the slot
  need(pair.client.stop().wait());
  const auto ended = pair.writer.result();
  CHECK(ended.index == 1);
  CHECK(failure(ended.result) == ErrorClass::kShuttingDown);
  CHECK(pair.all_let_go());
  CHECK(failure(pair.send(2)) == ErrorClass::kShuttingDown);
  CHECK(failure(ask<TargetAdded>(pair.writer.self, pair.initiator, AddTarget{})) == ErrorClass::kShuttingDown);
  need(ask<Done>(pair.writer.self, pair.initiator, CloseInitiator{}));
}

TEST_CASE("grain actors: closed by message, both end, and their memory is let go") {
  Pair pair(1);
  pair.connect();
  need(pair.send(0));
  CHECK(pair.writer.result().result.has_value());
  need(pair.send(1));  // waits for the slot
  need(ask<Done>(pair.writer.self, pair.initiator, CloseInitiator{}));
  CHECK(failure(pair.writer.result().result) == ErrorClass::kCancelled);
  CHECK(pair.all_let_go());
  CHECK(failure(pair.send(2)) == ErrorClass::kShuttingDown);

  CHECK(holds(pair.reader.grain(), 0));
  need(ask<Done>(pair.reader.self, pair.target, CloseTarget{}));
  pair.reader.until([&] { return pair.reader.ended.has_value(); });
  CHECK(failure(ask<TargetStats>(pair.reader.self, pair.target, AskTargetStats{})) == ErrorClass::kShuttingDown);
  CHECK(soon([&] { return pair.ring.memory.is_gone(); }));
}

TEST_CASE("grain actors: ended by an exit message or their last handle, they keep memory as long as it is used") {
  for (const bool by_message : {true, false}) {
    CAPTURE(by_message);
    Pair pair(1);
    pair.connect();
    need(pair.send(0));
    CHECK(pair.writer.result().result.has_value());
    need(pair.send(1));
    CHECK(holds(pair.reader.grain(), 0));  // a message that nobody read holds who sent it
    if (by_message) {
      caf::anon_send_exit(pair.initiator, caf::exit_reason::kill);
      caf::anon_send_exit(pair.target, caf::exit_reason::user_shutdown);
    }
    pair.initiator = InitiatorActor();
    pair.target = TargetActor();
    CHECK(pair.all_let_go());
    CHECK(soon([&] { return pair.ring.memory.is_gone(); }));
    pair.reader.until([&] { return pair.reader.ended.has_value(); });
    CHECK(need(pair.client.ping(pair.server.ticket()).wait()).node == pair.server.id());
  }
}
