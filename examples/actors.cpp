// A CAF application that drives nodes by messages: it fetches a tensor, and writes a ring of another node grain by
// grain. Its actors live in its own system; the nodes' handles are actors there too.
#include <cstdio>
#include <memory>
#include <vector>

#include <weft/actors/endpoint_actor.hpp>
#include <weft/actors/grain_actors.hpp>
#include <weft/weft.hpp>

namespace {

using namespace weft::actors;

constexpr std::uint64_t kGrains = 8;
constexpr std::size_t kGrainBytes = 1024;

/// Tells what went wrong, and ends: every error of Weft's actors reads as it does everywhere.
auto fails(caf::event_based_actor* self) {
  return [self](const caf::error& error) {
    const weft::Error what = error_of(error);
    std::printf("error: %s\n hint: %s\n", what.to_string().c_str(), std::string(what.hint()).c_str());
    self->quit();
  };
}

/// Fetches a tensor, and then one that is not there.
caf::behavior fetcher(caf::event_based_actor* self, const EndpointActor& endpoint, const weft::Ticket& server) {
  self->request(endpoint, caf::infinite, Get{.peer = server, .name = "layers.0.w"})
      .then(
          [self, endpoint, server](const Got& got) {  // the bytes are where they landed; the message holds a lease
            std::printf("got %s %s\n", std::string(got.tensor->name()).c_str(),
                        got.tensor->meta().shape.to_string().c_str());
            self->request(endpoint, caf::infinite, Get{.peer = server, .name = "layers.1.w"})
                .then([self](const Got&) { self->quit(); }, fails(self));
          },
          fails(self));
  return {[](const weft::Error&) {}};
}

/// Hears of each grain that arrives, and lets its slot go.
caf::behavior reader(caf::event_based_actor* self, const TargetActor& target, const caf::actor& writer) {
  self->request(target, caf::infinite, Subscribe{}).then([self, writer](const Subscribed& subscribed) {
    self->send(writer, subscribed.info);  // it opens the ring, and travels by a channel that is trusted
  });
  return {[self, target](const GrainCame& came) {
            std::printf("grain %llu: %zu bytes of %d\n", static_cast<unsigned long long>(came.grain.index),
                        came.grain.data.size(), std::to_integer<int>(came.grain.data.front()));
            self->send(target, Release{came.grain.slot});
            if (came.grain.index + 1 == kGrains)
              self->request(target, caf::infinite, CloseTarget{}).then([self](const Done&) { self->quit(); });
          },
          [](const TargetEnded&) {}};
}

/// Connects to the ring it is told of, and sends a grain when the one before has arrived.
caf::behavior writer(caf::event_based_actor* self, const InitiatorActor& initiator) {
  const auto send = [self, initiator](std::uint64_t index) {
    const auto frame = std::make_shared<std::vector<std::byte>>(kGrainBytes, static_cast<std::byte>(index));
    self->send(initiator, SendGrain{.index = index, .parts = {std::span(*frame)}, .keep_alive = frame});
  };
  return {[self, initiator](const weft::TargetInfo& info) { self->send(initiator, AddTarget{info}); },
          [](const TargetAdded&) {},
          [send](const LinkChanged& changed) {
            if (changed.link == weft::TargetLink::kConnected) send(0);
          },
          [](const GrainSent&) {},
          [self, initiator, send](const weft::GrainResult& result) {
            weft::unwrap(weft::Result<void>(result.result));
            if (result.index + 1 < kGrains) return send(result.index + 1);
            self->request(initiator, caf::infinite, CloseInitiator{}).then([self](const Done&) { self->quit(); });
          }};
}

}  // namespace

int main() {
  auto server = weft::unwrap(weft::TensorNode::start());
  auto node = weft::unwrap(weft::TensorNode::start());
  const std::vector<float> weights(256 * 256, 1.0f);
  const auto loan = weft::unwrap(server.lend("layers.0.w", weft::TensorView::of<float>(weights, {256, 256})));
  const auto ring = std::make_shared<std::vector<std::byte>>(4 * kGrainBytes);
  weft::TargetOptions slots{.keep_alive = ring};
  for (std::size_t at = 0; at < ring->size(); at += kGrainBytes)
    slots.slots.push_back(std::span(*ring).subspan(at, kGrainBytes));

  caf::actor_system_config config;
  caf::actor_system system(config);
  system.spawn(fetcher, spawn_endpoint(system, node), server.ticket());
  system.await_all_actors_done();  // the endpoint has ended too: nobody holds it any more

  const auto target = weft::unwrap(spawn_target(system, weft::unwrap(server.open_target(std::move(slots)))));
  const auto initiator = weft::unwrap(spawn_initiator(system, weft::unwrap(node.open_initiator())));
  system.spawn(reader, target, system.spawn(writer, initiator));
  system.await_all_actors_done();
  std::puts("all have ended");
}
