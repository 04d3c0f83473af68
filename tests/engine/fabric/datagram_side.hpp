#pragma once

#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <weft/fabric/endpoint.hpp>
#include <weft/fabric/provider_config.hpp>

/// Connectionless ends in one thread, made of the classes under test.
namespace weft::fabric::test {

inline constexpr std::array<const char*, 2> kDatagramProviders{"net", "shm"};

/// The provider's connectionless configuration on this host; skips the test where there is none.
inline FabricInfo datagram_info(const std::string& provider) {
  const bool shm = provider == "shm";
  const ProviderConfig config = unwrap(ProviderConfig::of(shm ? Provider::kShm : Provider::kTcp));
  auto found =
      config.find_named(provider, shm ? std::nullopt : std::optional{unwrap(FabricAddress::parse("127.0.0.1"))},
                        EndpointType::kReliableDatagram);
  if (!found) SKIP(found.error().to_string());
  return std::move(*found);
}

/// A fabric, domain, queue, address vector and endpoint of its own, memory to write from and to be written to.
struct DatagramSide {
  explicit DatagramSide(const std::string& provider, std::size_t bytes = 4096)
      : DatagramSide(datagram_info(provider), bytes) {}
  explicit DatagramSide(const FabricInfo& info, std::size_t bytes = 4096)
      : fabric(unwrap(Fabric::open(info.view()))),
        domain(unwrap(Domain::open(fabric))),
        completions(unwrap(CompletionQueue::open(domain))),
        vector(unwrap(AddressVector::open(domain))),
        memory(bytes),
        endpoint(unwrap(Endpoint::create(domain))) {
    REQUIRE(domain.register_regions({Region::of(std::span{memory})}, Access::kWrite | Access::kRemoteWrite));
    REQUIRE(endpoint.bind(completions));
    REQUIRE(endpoint.bind(vector));
    REQUIRE(endpoint.enable());
  }
  PeerHandle knows(const DatagramSide& other) {
    return unwrap(vector.insert(unwrap(FabricAddress::from_fid(other.endpoint))));
  }
  void turn() {
    while (auto completion = completions.read()) done.push_back(std::move(*completion));
  }
  std::size_t arrivals() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        done, [](const Completion& one) { return one.try_data() != nullptr && one.data().is_remote_write(); }));
  }
  void fill(int seed) {
    for (std::size_t i = 0; i < memory.size(); ++i)
      memory[i] = static_cast<std::byte>(i * 7 + static_cast<std::size_t>(seed));
  }

  Fabric fabric;
  Domain domain;
  CompletionQueue completions;
  AddressVector vector;
  std::vector<std::byte> memory;
  Endpoint endpoint;
  std::vector<Completion> done{};
};

inline void until(const std::vector<DatagramSide*>& sides, std::string_view what,
                  const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (!condition()) {
    for (DatagramSide* side : sides) side->turn();
    if (std::chrono::steady_clock::now() > deadline) FAIL("waited in vain: " << std::string{what});
  }
}

}  // namespace weft::fabric::test
