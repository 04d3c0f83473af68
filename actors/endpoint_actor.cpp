#include <weft/actors/endpoint_actor.hpp>

#include <utility>

#include <weft/actors/serving.hpp>

namespace weft::actors {
namespace {

Got got_of(Tensor tensor) { return {.tensor = std::make_shared<const Tensor>(std::move(tensor))}; }

class Endpoint final : public Server<EndpointActor> {
 public:
  using Server::Server;

 protected:
  behavior_type make_behavior() override {
    return {[this](const Get& m) { return get(m); },       [this](const Put& m) { return put(m); },
            [this](const Remove& m) { return remove(m); }, [this](const List& m) { return list(m); },
            [this](const Push& m) { return push(m); },     [this](const Receive& m) { return receive(m); },
            [this](const Ping& m) { return ping(m); },     [this](const Continue& m) { work_off(m); }};
  }

 private:
  Promise<Got> get(const Get& m) {
    return call<Got>(m.keep_alive, [&m](TensorNode& node) { return node.get(m.peer, m.name, m.options); }, &got_of);
  }
  Promise<Listed> list(const List& m) {
    return call<Listed>(
        {}, [&m](TensorNode& node) { return node.list(m.peer, m.pattern, m.options); },
        [](std::vector<Entry> entries) { return Listed{std::move(entries)}; });
  }
  Promise<Pushed> push(const Push& m) {
    return call<Pushed>(
        m.keep_alive, [&m](TensorNode& node) { return node.push(m.peer, m.name, m.view, m.options); },
        [](const Receipt& receipt) { return Pushed{receipt}; });
  }
  Promise<Got> receive(const Receive& m) {
    return call<Got>({}, [&m](TensorNode& node) { return node.receive(m.pattern, m.options); }, &got_of);
  }
  Promise<Pong> ping(const Ping& m) {
    return call<Pong>(
        {}, [&m](TensorNode& node) { return node.ping(m.peer, m.deadline); },
        [](PingReport report) { return Pong{std::move(report)}; });
  }
  // What concerns the catalog is done at once.
  caf::result<Published> put(const Put& m) {
    auto held = node().lock();
    if (!held) return to_caf(std::move(held).error());
    auto generation = (*held)->put(m.name, m.view, m.keep_alive);
    if (!generation) return to_caf(std::move(generation).error());
    return Published{*generation};
  }
  Promise<Done> remove(const Remove& m) {
    auto held = node().lock();
    return answer_done(*this, held ? (*held)->remove(m.name) : Result<void>(fail(held.error())));
  }
};

}  // namespace

EndpointActor spawn_endpoint(caf::actor_system& system, const TensorNode& node) {
  return system.spawn<Endpoint>(detail::NodeRef(node));
}

}  // namespace weft::actors
