#pragma once

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/fabric/fabric_lane.hpp>

/// Two fabric lanes in one thread, and what they said.
namespace weft::fabric::test {

inline Result<std::unique_ptr<FabricLane>> open_lane(const std::string& provider, FabricLaneOptions options = {}) {
  options.provider = provider;
  if (!options.draw_key)
    options.draw_key = [key = std::uint64_t{7}]() mutable { return Result<std::uint64_t>{key += 0x9E3779B97F4A7C15u}; };
  return FabricLane::open(std::move(options));
}

struct Node {
  explicit Node(const std::string& provider, FabricLaneOptions options = {}) {
    auto opened = open_lane(provider, std::move(options));
    if (!opened) SKIP(opened.error().to_string());
    lane = std::move(*opened);
  }
  void turn() {
    std::array<lane::Event, 32> events;
    const std::size_t count = lane->poll(events);
    for (std::size_t i = 0; i < count; ++i) seen.push_back(std::move(events[i]));
  }
  template <class Kind>
  std::size_t count() const {
    std::size_t found = 0;
    for (const auto& event : seen) found += std::holds_alternative<Kind>(event) ? 1 : 0;
    return found;
  }
  template <class Kind>
  Kind& last() {
    for (auto at = seen.rbegin(); at != seen.rend(); ++at)
      if (auto* one = std::get_if<Kind>(&*at)) return *one;
    FAIL("no such event");
    std::abort();
  }
  std::unique_ptr<FabricLane> lane;
  std::vector<lane::Event> seen;
};

struct Nodes {
  explicit Nodes(const std::string& provider, const FabricLaneOptions& of_a = {}, const FabricLaneOptions& of_b = {})
      : a(provider, of_a), b(provider, of_b) {}

  void turn() {
    a.turn();
    b.turn();
  }
  void until(std::string_view what, const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (!condition()) {
      turn();
      if (std::chrono::steady_clock::now() > deadline) FAIL("waited in vain: " << std::string{what});
    }
  }
  void connect() {
    at_a = unwrap(a.lane->dial(unwrap(b.lane->listen()), {}));
    until("a knock", [&] { return b.count<lane::Knock>() == 1; });
    at_b = b.last<lane::Knock>().channel;
    REQUIRE(b.lane->admit(at_b));
    until("both up", [&] { return a.count<lane::Up>() == 1 && b.count<lane::Up>() == 1; });
  }

  Node a;
  Node b;
  lane::Channel at_a;
  lane::Channel at_b;
};

/// 64 bytes at A and room for them at B, registered at both: what a write from A needs.
struct Placed {
  explicit Placed(Nodes& nodes)
      : attached(unwrap(nodes.a.lane->attach({source.data(), source.size()}))),
        exposed(unwrap(nodes.b.lane->expose({landing.data(), landing.size()}, nodes.at_b))),
        gather{lane::Gather{source.data(), source.size(), attached->descriptor()}},
        remote{lane::RemoteRange{exposed->key(), exposed->base(), landing.size()}} {}
  Placed(const Placed&) = delete;
  Placed& operator=(const Placed&) = delete;

  std::vector<std::byte> source = std::vector<std::byte>(64, std::byte{7});
  std::vector<std::byte> landing = std::vector<std::byte>(64);
  std::unique_ptr<lane::Attachment> attached;
  lane::ExposurePtr exposed;
  std::array<lane::Gather, 1> gather;
  std::array<lane::RemoteRange, 1> remote;
};

}  // namespace weft::fabric::test
