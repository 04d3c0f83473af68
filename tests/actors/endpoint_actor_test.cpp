#include <atomic>
#include <future>
#include <string>

#include <tests/actors/asking.hpp>

using namespace weft;
using namespace weft::actors;
using namespace weft::test;
using namespace std::chrono_literals;

namespace {

/// Two nodes; the second is spoken to by message.
struct Pair {
  System caf{};
  TensorNode server = start();
  TensorNode client = start();
  std::string ticket = server.ticket().to_string();
  EndpointActor endpoint = spawn_endpoint(caf, client);
  caf::scoped_actor self{caf};
};

/// Asks for a name that nobody pushes, and ends.
caf::behavior asks_and_ends(caf::event_based_actor* self, const EndpointActor& endpoint, const std::string& pattern) {
  ask_then<Got>(self, endpoint, Receive{.pattern = pattern}, [](Result<Got>) {});
  self->quit();
  return {};
}

/// Asks so many times at once, and tells how many were answered, and how many of them well.
caf::behavior asks_for_many(caf::event_based_actor* self, const EndpointActor& endpoint, const Get& get,
                            std::size_t count, std::promise<std::pair<std::size_t, std::size_t>>* done) {
  const auto answered = std::make_shared<std::pair<std::size_t, std::size_t>>();
  for (std::size_t i = 0; i < count; ++i)
    ask_then<Got>(self, endpoint, get, [=](Result<Got> got) {
      answered->second += got && got->tensor->bytes().size() == 1000 ? 1 : 0;
      if (++answered->first == count) done->set_value(*answered);
    });
  return {[](int) {}};
}

/// As many, and ends without an answer.
caf::behavior asks_for_many_and_ends(caf::event_based_actor* self, const EndpointActor& endpoint, const Get& get,
                                     std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) ask_then<Got>(self, endpoint, get, [](Result<Got>) {});
  self->quit();
  return {};
}

void expect_all_to_say(ErrorClass kind, Pair& pair) {
  const auto bytes = noise(10, 1);
  CHECK(failure(ask<Got>(pair.self, pair.endpoint, Get{.peer = pair.ticket, .name = "t"})) == kind);
  CHECK(failure(ask<Published>(pair.self, pair.endpoint, Put{.name = "t", .view = TensorView::bytes(bytes)})) == kind);
  CHECK(failure(ask<Done>(pair.self, pair.endpoint, Remove{.name = "t"})) == kind);
  CHECK(failure(ask<Listed>(pair.self, pair.endpoint, List{.peer = pair.ticket})) == kind);
  CHECK(failure(ask<Pushed>(pair.self, pair.endpoint,
                            Push{.peer = pair.ticket, .name = "t", .view = TensorView::bytes(bytes)})) == kind);
  CHECK(failure(ask<Got>(pair.self, pair.endpoint, Receive{})) == kind);
  CHECK(failure(ask<Pong>(pair.self, pair.endpoint, Ping{.peer = pair.ticket})) == kind);
}

}  // namespace

TEST_CASE("endpoint actor: what is put by message is listed and got by message, of the same memory") {
  Pair pair;
  const auto serving = spawn_endpoint(pair.caf, pair.server);
  Watched memory(noise(300'000, 7));
  const auto view = memory.view();
  const auto put =
      need(ask<Published>(pair.self, serving, Put{.name = "w", .view = view, .keep_alive = memory.keep()}));

  const auto listed = need(ask<Listed>(pair.self, pair.endpoint, List{.peer = pair.server.ticket(), .pattern = "w*"}));
  REQUIRE(listed.entries.size() == 1);
  CHECK(listed.entries[0].name == "w");
  CHECK(listed.entries[0].bytes == 300'000);
  CHECK(listed.entries[0].generation == put.generation);

  auto got = need(ask<Got>(pair.self, pair.endpoint, Get{.peer = pair.ticket, .name = "w"}));
  CHECK(same_bytes(*got.tensor, noise(300'000, 7)));
  CHECK(got.tensor->generation() == put.generation);

  // On it goes, without a copy: the lease keeps it.
  const void* address = got.tensor->view().data();
  need(ask<Published>(pair.self, pair.endpoint,
                      Put{.name = "again", .view = got.tensor->view(), .keep_alive = got.tensor->lease()}));
  got = {};
  const auto own = need(pair.server.get(pair.client.ticket(), "again").wait());
  CHECK(same_bytes(own, noise(300'000, 7)));
  CHECK(own.view().data() != address);

  CHECK_FALSE(memory.is_gone());
  need(ask<Done>(pair.self, serving, Remove{.name = "w"}));
  CHECK(soon([&] { return memory.is_gone(); }));
  CHECK(failure(ask<Got>(pair.self, pair.endpoint, Get{.peer = pair.ticket, .name = "w"})) == ErrorClass::kNotFound);
}

TEST_CASE("endpoint actor: into the requester's memory, which is kept until the answer") {
  Pair pair;
  need(pair.server.put("w", blob(100'000, 3)));
  Watched memory(std::vector<std::byte>(100'000));
  const auto bytes = memory.bytes->data();
  GetOptions options{.into = need(MutableTensorView::make({.dtype = DType::kU8, .shape = {100'000}}, bytes))};
  const auto got =
      need(ask<Got>(pair.self, pair.endpoint,
                    Get{.peer = pair.ticket, .name = "w", .options = std::move(options), .keep_alive = memory.bytes}));
  CHECK(got.tensor->view().data() == bytes);
  CHECK(*memory.bytes == noise(100'000, 3));
  memory.bytes.reset();
  CHECK(soon([&] { return memory.is_gone(); }));
}

TEST_CASE("endpoint actor: a push by message is verified at who receives by message", "[T-15]") {
  Pair pair;
  const auto receiving = spawn_endpoint(pair.caf, pair.server);
  std::promise<Got> arrived;
  const auto receiver = pair.caf.system->spawn([&](caf::event_based_actor* self) -> caf::behavior {
    ask_then<Got>(self, receiving, Receive{.pattern = "a.*"},
                  [&](Result<Got> got) { arrived.set_value(need(std::move(got))); });
    return {[](int) {}};
  });
  Watched memory(noise(50'000, 9));
  const auto view = memory.view();
  const auto pushed = need(ask<Pushed>(
      pair.self, pair.endpoint, Push{.peer = pair.ticket, .name = "a.1", .view = view, .keep_alive = memory.keep()}));
  const Got got = arrived.get_future().get();
  CHECK(got.tensor->name() == "a.1");
  CHECK(same_bytes(*got.tensor, noise(50'000, 9)));
  CHECK(pushed.receipt.digest == got.tensor->digest());
  CHECK(pushed.receipt.bytes == 50'000);
  CHECK(soon([&] { return memory.is_gone(); }));
  CHECK(need(ask<Pong>(pair.self, pair.endpoint, Ping{.peer = pair.ticket})).report.node == pair.server.id());
}

TEST_CASE("endpoint actor: what fails is answered by the error that every face tells") {
  Pair pair;
  const auto unknown = ask<Got>(pair.self, pair.endpoint, Get{.peer = pair.ticket, .name = "nope"});
  CHECK(failure(unknown) == ErrorClass::kNotFound);
  CHECK(unknown.error().context().name == "nope");
  CHECK_FALSE(unknown.error().hint().empty());
  CHECK(failure(ask<Got>(pair.self, pair.endpoint, Get{.peer = "no ticket", .name = "t"})) == ErrorClass::kMalformed);
  CHECK(failure(ask<Got>(pair.self, pair.endpoint, Get{.name = "t"})) == ErrorClass::kMalformed);
  CHECK(failure(ask<Published>(pair.self, pair.endpoint, Put{})) == ErrorClass::kInvalidArgument);
  CHECK(failure(ask<Done>(pair.self, pair.endpoint, Remove{.name = "nope"})) == ErrorClass::kNotFound);
  CHECK(failure(ask<Listed>(pair.self, pair.endpoint, List{.peer = pair.ticket, .pattern = std::string(300, 'x')})) ==
        ErrorClass::kInvalidArgument);
  CHECK(failure(ask<Got>(pair.self, pair.endpoint, Receive{.options = {.deadline = 20ms}})) ==
        ErrorClass::kDeadlineExceeded);
  // Nobody there receives such a name.
  const auto bytes = noise(10, 1);
  CHECK(failure(ask<Pushed>(
            pair.self, pair.endpoint,
            Push{.peer = pair.ticket, .name = "t", .view = TensorView::bytes(bytes), .options = {.deadline = 50ms}})) ==
        ErrorClass::kDeadlineExceeded);
}

TEST_CASE("endpoint actor: a peer that has died is told as such") {
  Pair pair;
  need(ask<Pong>(pair.self, pair.endpoint, Ping{.peer = pair.ticket}));
  need(pair.server.stop().wait());
  { const auto gone = std::move(pair.server); }
  const auto kind = failure(ask<Got>(pair.self, pair.endpoint, Get{.peer = pair.ticket, .name = "t"}));
  CHECK((kind == ErrorClass::kPeerUnreachable || kind == ErrorClass::kPeerLost));
  CHECK(failure(ask<Pong>(pair.self, pair.endpoint, Ping{.peer = pair.ticket})) == ErrorClass::kPeerUnreachable);
}

TEST_CASE("endpoint actor: a node that has stopped, or is gone, is answered for with ShuttingDown") {
  Pair pair;
  need(pair.client.stop().wait());
  expect_all_to_say(ErrorClass::kShuttingDown, pair);
  { const auto gone = std::move(pair.client); }
  expect_all_to_say(ErrorClass::kShuttingDown, pair);
}

TEST_CASE("endpoint actor: what is open when the node stops is answered") {
  Pair pair;
  std::promise<Result<Got>> answered;
  const auto waiting = pair.caf.system->spawn([&](caf::event_based_actor* self) -> caf::behavior {
    ask_then<Got>(self, pair.endpoint, Receive{}, [&](Result<Got> got) { answered.set_value(std::move(got)); });
    return {[](int) {}};
  });
  // It waits there: what was asked after it has been answered.
  need(ask<Pong>(pair.self, pair.endpoint, Ping{.peer = pair.ticket}));
  auto answer = answered.get_future();
  need(pair.client.stop().wait());
  CHECK(failure(answer.get()) == ErrorClass::kShuttingDown);
}

TEST_CASE("endpoint actor: with manual callbacks answers need nobody to run them") {
  System caf;
  auto server = start();
  need(server.put("t", blob(1000, 1)));
  auto client = start({.callbacks = Callbacks::kManual});
  const auto endpoint = spawn_endpoint(caf, client);
  caf::scoped_actor self{caf};
  CHECK(need(ask<Got>(self, endpoint, Get{.peer = server.ticket(), .name = "t"})).tensor->bytes().size() == 1000);
}

TEST_CASE("endpoint actor: what a requester that has ended asked for is cancelled") {
  Pair pair;
  const auto bytes = noise(10, 1);
  bool cancelled = false;
  for (int round = 0; round < 20 && !cancelled; ++round) {
    const std::string name = "x" + std::to_string(round);
    pair.caf.system->spawn(asks_and_ends, pair.endpoint, name);
    need(ask<Pong>(pair.self, pair.endpoint, Ping{.peer = pair.ticket}));
    const auto pushed =
        pair.server.push(pair.client.ticket(), name, TensorView::bytes(bytes), {.deadline = 300ms}).wait();
    cancelled = !pushed;
    if (cancelled)
      CHECK(failure(pushed) == ErrorClass::kDeadlineExceeded);  // nobody receives that any more
    else                                                        // it came before the cancellation: then nothing is lost
      CHECK(need(ask<Got>(pair.self, pair.endpoint, Receive{.pattern = name})).tensor->bytes().size() == 10);
  }
  CHECK(cancelled);
}

TEST_CASE("endpoint actor: ten thousand gets of one actor at once are all answered") {
  Pair pair;
  need(pair.server.put("t", blob(1000, 1)));
  std::promise<std::pair<std::size_t, std::size_t>> done;
  pair.caf.system->spawn(asks_for_many, pair.endpoint, Get{.peer = pair.server.ticket(), .name = "t"}, 10'000uz, &done);
  const auto [answered, well] = done.get_future().get();
  CHECK(answered == 10'000);
  CHECK(well == 10'000);
}

TEST_CASE("endpoint actor: one that ends with ten thousand gets open holds up nobody") {
  Pair pair;
  need(pair.server.put("t", blob(1000, 1)));
  Watched memory(noise(10, 1));
  pair.caf.system->spawn(asks_for_many_and_ends, pair.endpoint,
                         Get{.peer = pair.server.ticket(), .name = "t", .keep_alive = memory.keep()}, 10'000uz);
  CHECK(need(ask<Got>(pair.self, pair.endpoint, Get{.peer = pair.ticket, .name = "t"})).tensor->bytes().size() == 1000);
  CHECK(soon([&] { return memory.is_gone(); }));  // each of them has ended
  CHECK(soon([&] { return pair.client.stats().transfers == 0; }));
}
