#include <weft/actors/pool_actor.hpp>

#include <utility>

#include <weft/actors/serving.hpp>

namespace weft::actors {
namespace {

class PoolServer final : public Server<PoolActor> {
 public:
  using Server::Server;

 protected:
  behavior_type make_behavior() override {
    return {[this](const ListPeers&) { return peers(); },        [this](const ListSessions&) { return sessions(); },
            [this](const Dial& m) { return dial(m); },           [this](const Drop& m) { return drop(m); },
            [this](const AskPoolMetrics&) { return metrics(); }, [this](const Continue& m) { work_off(m); }};
  }

 private:
  Promise<Peers> peers() {
    using All = std::vector<PoolPeer>;
    return ask<Peers, All>([this](auto answer) { node().peers(std::move(answer)); },
                           [](All all) { return Peers{std::move(all)}; });
  }
  Promise<Sessions> sessions() {
    using All = std::vector<PoolSession>;
    return ask<Sessions, All>([this](auto answer) { node().sessions(std::move(answer)); },
                              [](All all) { return Sessions{std::move(all)}; });
  }
  Promise<Dialled> dial(const Dial& m) {
    return call<Dialled>(
        {}, [&m](TensorNode& node) { return node.ping(m.peer, m.deadline); },
        [](PingReport report) { return Dialled{std::move(report)}; });
  }
  Promise<Dropped> drop(const Drop& m) {
    return ask<Dropped, std::size_t>([this, &m](auto answer) { node().drop(m.peer, std::move(answer)); },
                                     [](std::size_t count) { return Dropped{count}; });
  }
  Promise<PoolMetrics> metrics() {
    return ask<PoolMetrics, PoolMetrics>([this](auto answer) { node().pool_metrics(std::move(answer)); },
                                         [](const PoolMetrics& all) { return all; });
  }
};

}  // namespace

PoolActor spawn_pool(caf::actor_system& system, const TensorNode& node) {
  return system.spawn<PoolServer>(detail::NodeRef(node));
}

}  // namespace weft::actors
