#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <thread>

#include <weft/fabric/random_bits.hpp>

#include "loopback.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;

TEST_CASE("endpoints made on nine threads have ids of their own, gone ones' are not used again",
          "[fabric][O-25][O-W6]") {
  constexpr std::size_t kThreads = 9;
  constexpr std::size_t kEach = 200;
  const FabricInfo info = message_info("net");
  std::vector<std::vector<EndpointId>> drawn(kThreads);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      const Fabric fabric = unwrap(Fabric::open(info.view()));
      const Domain domain = unwrap(Domain::open(fabric));
      for (std::size_t lap = 0; lap < kEach; ++lap) drawn[i].push_back(unwrap(Endpoint::create(domain)).id());
    });
  for (std::thread& thread : threads) thread.join();
  std::vector<EndpointId> all;
  for (const auto& some : drawn) all.insert(all.end(), some.begin(), some.end());
  std::ranges::sort(all);
  CHECK(std::ranges::adjacent_find(all) == all.end());
  CHECK(all.size() == kThreads * kEach);
  CHECK(all.front() != 0);
}

TEST_CASE("a million ids are all different", "[fabric][O-25]") {
  std::vector<std::uint64_t> all(1'000'000);
  for (auto& one : all) one = unwrap(random_bits());
  std::ranges::sort(all);
  CHECK(std::ranges::adjacent_find(all) == all.end());
}

TEST_CASE("completions and events reach the endpoint they are about, one of many", "[fabric][O-25][X-6]") {
  for (const char* provider : kSoftwareProviders) {
    DYNAMIC_SECTION("on " << provider) {
      Side a{provider};
      Side b{provider};
      const PassiveEndpoint listener = b.listener();
      std::vector<Endpoint> dialled;
      std::vector<Endpoint> accepted;
      for (std::size_t i = 0; i < 9; ++i) {
        dialled.push_back(a.dialler(unwrap(listener.local_address())));
        until(a, b, "a request", [&] { return b.count<ConnectionRequested>() == i + 1; });
        for (auto at = b.seen.rbegin(); at != b.seen.rend(); ++at)
          if (auto* request = std::get_if<ConnectionRequested>(&*at)) {
            accepted.push_back(b.endpoint(request->info().view()));
            break;
          }
        REQUIRE(accepted.back().accept());
        until(a, b, "both", [&] { return a.count<Connected>() == i + 1 && b.count<Connected>() == i + 1; });
      }
      std::vector<std::byte> memory(9);
      REQUIRE(b.domain.register_regions({Region::of(std::span{memory})}, Access::kRemoteWrite));
      for (std::size_t i = 0; i < 9; ++i) {
        const LocalRegion from{reinterpret_cast<std::uint64_t>(&memory[i]), 1, nullptr};
        REQUIRE(dialled[i].write(from, unwrap(b.domain.remote_regions()[0].sub(i, 1))));
        until(a, b, "its end", [&] { return a.done.size() == i + 1; });
        CHECK(a.done[i].data().fid() == dialled[i].id());
      }
      a.seen.clear();
      accepted[4].close();
      until(a, b, "its end", [&] { return a.count<Shutdown>() + a.count<EventError>() == 1; });
      CHECK(a.seen[0].fid() == dialled[4].fid());
    }
  }
}
