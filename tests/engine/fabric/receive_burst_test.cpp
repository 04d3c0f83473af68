#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>

#include <weft/fabric/provider_config.hpp>

#include "loopback.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;

namespace {

constexpr std::uint32_t kBurst = 1000;

/// Where to bind: loopback, unless the tester says where the device is.
std::optional<FabricAddress> bind_address() {
  const char* given = std::getenv("WEFT_TEST_FABRIC_ADDRESS");
  return unwrap(FabricAddress::parse(given != nullptr ? given : "127.0.0.1"));
}

FabricInfo found(Provider provider, std::string_view name) {
  auto info = unwrap(ProviderConfig::of(provider)).find_named(name, bind_address());
  if (!info) SKIP(info.error().to_string());
  return std::move(*info);
}

/// One end, with registered memory and as many receives posted as its provider's immediates take.
struct End {
  explicit End(const FabricInfo& from)
      : info(from),
        fabric(unwrap(Fabric::open(info.view()))),
        domain(unwrap(Domain::open(fabric))),
        events(unwrap(EventQueue::open(fabric))),
        completions(unwrap(CompletionQueue::open(domain))),
        memory(64) {
    REQUIRE(domain.register_regions({Region::of(std::span{memory})}, Access::kWrite | Access::kRemoteWrite));
  }
  void make(FabricInfoView of) {
    endpoint.emplace(unwrap(Endpoint::create(domain, of)));
    REQUIRE(endpoint->bind(events));
    REQUIRE(endpoint->bind(completions));
    REQUIRE(endpoint->enable());
    if (!domain.using_recv_buf_for_cq_data()) return;
    for (std::size_t i = 0; i < std::min<std::size_t>(info.view().rx_size(), 256); ++i)
      REQUIRE(unwrap(endpoint->recv({})) == PostResult::kPosted);
  }
  void turn() {
    while (auto event = events.read()) {
      if (auto* request = std::get_if<ConnectionRequested>(&*event)) {
        make(request->info().view());
        REQUIRE(endpoint->accept());
      }
      up = up || event->is_connected();
    }
    while (auto one = completions.read()) {
      REQUIRE(one->is_data_entry());
      const CompletionData data = one->data();
      if (data.is_local_write()) ++finished;
      if (!data.is_remote_write()) continue;
      arrived.push_back(static_cast<std::uint32_t>(data.data().value()));
      if (domain.using_recv_buf_for_cq_data()) REQUIRE(endpoint->recv({}));
    }
  }

  FabricInfo info;
  Fabric fabric;
  Domain domain;
  EventQueue events;
  CompletionQueue completions;
  std::vector<std::byte> memory;
  std::optional<Endpoint> endpoint{};
  bool up = false;
  std::size_t finished = 0;
  std::vector<std::uint32_t> arrived{};
};

void burst(const FabricInfo& info) {
  End target{info};
  End initiator{info};
  PassiveEndpoint listener = unwrap(PassiveEndpoint::open(target.fabric, info.view()));
  REQUIRE(listener.bind(target.events));
  REQUIRE(listener.listen());
  const FabricAddress address = unwrap(FabricAddress::from_fid(listener));
  FabricInfo towards = info;
  REQUIRE(towards.set_source(std::nullopt));
  REQUIRE(towards.set_destination(address));
  initiator.make(towards.view());
  REQUIRE(initiator.endpoint->connect(address));
  const auto until = [&](std::string_view what, auto&& condition) {
    const auto deadline = Clock::now() + std::chrono::seconds{60};
    while (!condition()) {
      target.turn();
      initiator.turn();
      if (Clock::now() > deadline) FAIL("waited in vain: " << std::string{what});
    }
  };
  until("a connection", [&] { return target.up && initiator.up; });
  for (std::uint32_t i = 0; i < kBurst; ++i)
    until("room", [&] {
      return unwrap(initiator.endpoint->write(initiator.domain.local_regions()[0], target.domain.remote_regions()[0],
                                              kConnectedPeer, i)) == PostResult::kPosted;
    });
  until("every end", [&] { return initiator.finished == kBurst && target.arrived.size() == kBurst; });
  for (std::uint32_t i = 0; i < kBurst; ++i) REQUIRE(target.arrived[i] == i);
}

}  // namespace

TEST_CASE("a burst of a thousand immediates arrives whole and in order", "[fabric][O-13]") {
  for (const char* provider : kSoftwareProviders) DYNAMIC_SECTION("on " << provider) {
      burst(found(Provider::kTcp, provider));
    }
}

TEST_CASE("so it does where each immediate takes a receive", "[fabric][verbs][O-13][O-W2]") {
  const FabricInfo info = found(Provider::kVerbs, "verbs");
  CHECK(info.view().using_recv_buf_for_cq_data());
  burst(info);
}
