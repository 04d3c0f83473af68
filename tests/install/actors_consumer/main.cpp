// What a CAF application looks like to the build: CAF's headers, Weft's as installed, and one library.
#include <cstdio>

#include <weft/actors/endpoint_actor.hpp>
#include <weft/actors/grain_actors.hpp>
#include <weft/actors/pool_actor.hpp>
#include <weft/weft.hpp>

int main() {
  weft::actors::init_types();
  auto node = weft::unwrap(weft::TensorNode::start());
  caf::actor_system_config config;
  caf::actor_system system(config);
  const auto endpoint = weft::actors::spawn_endpoint(system, node);
  caf::scoped_actor self(system);
  const weft::actors::Get get{.peer = node.ticket(), .name = "nope"};
#if CAF_VERSION < 1800
  auto answer = self->request(endpoint, caf::infinite, get);
#else
  auto answer = self->mail(get).request(endpoint, caf::infinite);
#endif
  answer.receive([](const weft::actors::Got&) { std::puts("got"); },
                 [](const caf::error& error) { std::puts(weft::actors::error_of(error).to_string().c_str()); });
}
