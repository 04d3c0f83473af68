#pragma once

#include <dirent.h>

#include <rdma/fabric.h>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/fabric/endpoint.hpp>
#include <weft/fabric/memory_region.hpp>
#include <weft/fabric/passive_endpoint.hpp>
#include <weft/fabric/provider.hpp>
#include <weft/fabric/rdma_port.hpp>

/// Two ends of connections in one thread, made of the classes under test.
namespace weft::fabric::test {

/// Those whose connections the tests look at; verbs where there is an RDMA device (scripts/soft-roce makes one).
inline const std::vector<const char*>& provider_names() {
  static const std::vector<const char*> names =
      rdma_device_at("127.0.0.1") ? std::vector{"net", "tcp", "verbs"} : std::vector{"net", "tcp"};
  return names;
}

/// Those that are there without a device, and need no registration of what is sent from.
inline constexpr std::array<const char*, 2> kSoftwareProviders{"net", "tcp"};

/// The provider's connection-oriented configuration on loopback (a device's own address for verbs); skips the test
/// where there is none.
inline FabricInfo message_info(const std::string& provider) {
  const ProviderHabits habits = habits_of(provider, FabricVersion::compiled());
  auto list = FabricInfoList::get({.provider = provider,
                                   .endpoint_type = EndpointType::kMessage,
                                   .caps = FI_MSG | FI_RMA,
                                   .mode = habits.mode,
                                   .mr_mode = habits.mr_mode,
                                   .source = unwrap(FabricAddress::parse("127.0.0.1"))});
  if (!list) SKIP(list.error().to_string());
  for (FabricInfoView one : *list)
    if (one.provider_name() == provider) return one.owned();
  SKIP("libfabric has no provider " << provider << " here");
  std::abort();
}

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* directory = opendir("/proc/self/fd");
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

inline std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

/// One side: a fabric, domain and queues of its own, and what its queues said.
struct Side {
  explicit Side(const std::string& provider, Wait wait = Wait::kNone)
      : info(message_info(provider)),
        fabric(unwrap(Fabric::open(info.view()))),
        domain(unwrap(Domain::open(fabric))),
        events(unwrap(EventQueue::open(fabric, {.wait = Wait::kNone}))),
        completions(unwrap(CompletionQueue::open(domain, {.wait = wait}))) {}

  void turn() {
    while (auto event = events.read()) seen.push_back(std::move(*event));
    while (auto completion = completions.read()) done.push_back(std::move(*completion));
  }
  template <class Kind>
  std::size_t count() const {
    std::size_t found = 0;
    for (const Event& event : seen) found += std::holds_alternative<Kind>(event) ? 1 : 0;
    return found;
  }
  template <class Kind>
  Kind& first() {
    for (Event& event : seen)
      if (auto* one = std::get_if<Kind>(&event)) return *one;
    FAIL("no such event");
    std::abort();
  }
  Endpoint endpoint(FabricInfoView from) {
    Endpoint opened = unwrap(Endpoint::create(domain, from));
    REQUIRE(opened.bind(events));
    REQUIRE(opened.bind(completions));
    REQUIRE(opened.enable());
    return opened;
  }
  PassiveEndpoint listener() {
    PassiveEndpoint opened = unwrap(PassiveEndpoint::open(fabric, info.view()));
    REQUIRE(opened.bind(events));
    REQUIRE(opened.listen());
    return opened;
  }
  Endpoint dialler(const FabricAddress& to, std::span<const std::byte> data = {}) {
    FabricInfo towards = info;
    REQUIRE(towards.set_source(std::nullopt));
    REQUIRE(towards.set_destination(to));
    Endpoint opened = endpoint(towards.view());
    REQUIRE(opened.connect(to, data));
    return opened;
  }

  FabricInfo info;
  Fabric fabric;
  Domain domain;
  EventQueue events;
  CompletionQueue completions;
  std::vector<Event> seen;
  std::vector<Completion> done;
};

/// Memory that a side posts from or receives into, registered where its provider wants that. Borrowed.
class Local {
 public:
  Local(const Side& side, std::span<const std::byte> bytes) : bytes_(bytes) {
    if (side.info.view().needs_local_registration())
      registered_.emplace(
          unwrap(MemoryRegion::reg(side.domain, Region::of(bytes), Access::kWrite | Access::kSend | Access::kReceive)));
  }
  LocalRegion range(std::size_t offset, std::size_t length) const {
    return {reinterpret_cast<std::uint64_t>(bytes_.data() + offset), length,
            registered_ ? registered_->desc() : nullptr};
  }
  LocalRegion all() const { return range(0, bytes_.size()); }

 private:
  std::span<const std::byte> bytes_;
  std::optional<MemoryRegion> registered_;
};

/// Turns both sides until `condition` holds; fails the test after a minute.
inline void until(Side& a, Side& b, std::string_view what, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (!condition()) {
    a.turn();
    b.turn();
    if (std::chrono::steady_clock::now() > deadline) FAIL("waited in vain: " << std::string{what});
  }
}

/// A connection from A to B.
struct Connection {
  explicit Connection(const std::string& provider) : a(provider), b(provider), listener(b.listener()) {
    at_a.emplace(a.dialler(unwrap(listener.local_address())));
    test::until(a, b, "a request", [&] { return b.count<ConnectionRequested>() == 1; });
    at_b.emplace(b.endpoint(b.first<ConnectionRequested>().info().view()));
    REQUIRE(at_b->accept());
    test::until(a, b, "both connected", [&] { return a.count<Connected>() == 1 && b.count<Connected>() == 1; });
  }
  void until(std::string_view what, const std::function<bool()>& condition) { test::until(a, b, what, condition); }
  /// Receives at B for as many immediates, where each takes one.
  void post_receives(std::size_t count) {
    if (!b.info.view().using_recv_buf_for_cq_data()) return;
    for (std::size_t i = 0; i < count; ++i) REQUIRE(at_b->recv({}, nullptr) == PostResult::kPosted);
  }

  Side a;
  Side b;
  PassiveEndpoint listener;
  std::optional<Endpoint> at_a;
  std::optional<Endpoint> at_b;
};

}  // namespace weft::fabric::test
