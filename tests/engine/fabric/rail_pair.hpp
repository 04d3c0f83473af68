#pragma once

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weft/lane/framed.hpp>
#include <weft/memory/landing_pool.hpp>
#include <weft/transfer/driver.hpp>

#include "accounted_lane.hpp"
#include "lane_pair.hpp"
#include "tests/conformance/plain_pipe.hpp"

/// Two cores in one thread, whose session goes over a socket pair and whose rails over libfabric.
namespace weft::fabric::test {

inline NodeId node_id(std::uint8_t number) { return {.bytes = {std::byte{number}}}; }

enum class Rails : bool { kNeeded, kIfTheyOpen };

struct RailNode final : transfer::DriverHost {
  RailNode(std::uint8_t number, const std::string& provider, Rails wanted = Rails::kNeeded)
      : core({.self = node_id(number),
              .incarnation = {.bytes = {std::byte{number}}},
              .access = weft::Access::any(),
              .random = [next = std::uint64_t{number}]() mutable { return next += 0x9E3779B97F4A7C15u; },
              .wall_clock = {}},
             catalog),
        driver(core, *this) {
    framed = unwrap(lane::FramedLane::open({.traits = lane::framed_traits(weft::Lane::kTls, false),
                                            .draw_key = [key = std::uint64_t{9}]() mutable { return ++key; }}));
    auto opened = open_lane(provider);
    if (!opened && wanted == Rails::kNeeded) SKIP(opened.error().to_string());
    driver.add_lane(*framed);
    if (!opened) return;
    rails = std::make_unique<AccountedLane>(std::move(*opened));
    driver.add_lane(*rails);
  }
  /// `with_rails`: both ends have them.
  void adopt(std::unique_ptr<conformance::PlainPipe> pipe, std::uint8_t peer, bool dialled, bool with_rails) {
    std::vector<wire::LaneOffer> offers;
    if (with_rails) offers.push_back({.lane = weft::Lane::kTcp, .provider = "tcp", .wire_version = 1});
    driver.adopt(
        *framed, unwrap(framed->adopt(std::move(pipe))),
        {.peer = node_id(peer), .dialled = dialled, .stream = framed->traits(), .rail_lanes = std::move(offers)}, {});
  }

  void need_session(const NodeId&) override {}
  void take_landing(transfer::TransferKey transfer, std::uint64_t bytes) override {
    core.on_landing(transfer, pool.grow(bytes), Clock::now());
  }
  void prepare(transfer::Prepare&&) override {}
  void offered(transfer::AskOffer&&) override {}
  void offer_gone(transfer::TransferKey) override {}
  void finished(transfer::Outcome&& outcome) override {
    if (on_outcome) on_outcome(outcome);
  }
  void grain(transfer::GrainEvent&& event) override {
    if (on_grain) on_grain(event);
  }
  void session_ended(transfer::SessionKey, const NodeId&, const Error&) override { ended = true; }

  transfer::Catalog catalog;
  memory::LandingPool pool{{}};
  std::unique_ptr<lane::FramedLane> framed;
  std::unique_ptr<AccountedLane> rails;  // none: they did not open
  transfer::Core core;
  transfer::Driver driver;
  std::function<void(transfer::Outcome&)> on_outcome;
  std::function<void(const transfer::GrainEvent&)> on_grain;
  bool ended = false;
};

struct RailPair {
  explicit RailPair(const std::string& provider, Rails wanted = Rails::kNeeded)
      : a(1, provider, wanted), b(2, provider, wanted) {
    auto pipes = conformance::PlainPipe::make_pair();
    const bool with_rails = a.rails != nullptr && b.rails != nullptr;
    a.adopt(std::move(pipes.first), 2, false, with_rails);
    b.adopt(std::move(pipes.second), 1, true, with_rails);
  }
  /// What the cores take for now.
  TimePoint now() const { return Clock::now() + ahead; }
  void turn() {
    a.driver.turn(now());
    b.driver.turn(now());
    ahead += hurry;
  }
  void until(std::string_view what, const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (!done()) {
      turn();
      if (std::chrono::steady_clock::now() > deadline) FAIL("waited in vain: " << std::string{what});
    }
  }
  void meet() {
    until("a session", [&] {
      const auto session = b.core.session_with(node_id(1));
      return session && b.core.session(*session)->established;
    });
  }
  /// Until whatever was held anywhere has been let go, and looked at.
  void settle() {
    for (int turns = 0; turns < 400; ++turns) turn();
  }
  /// The session ends, and with it the rails: each had its one Down, and nothing is out.
  void close() {
    const auto session = b.core.session_with(node_id(1));
    REQUIRE(session);
    b.core.close_session(*session, Error(ErrorClass::kCancelled, "close", "the test is over"), now());
    until("the session's end", [&] { return a.ended && b.ended; });
    const auto is_over = [](const RailNode& node) { return node.rails == nullptr || node.rails->posted() == 0; };
    until("every end", [&] { return is_over(a) && is_over(b); });
    settle();
  }

  Duration hurry{};  // by which each turn is longer than it was, where bounds of seconds are run into
  Duration ahead{};
  RailNode a;
  RailNode b;
};

}  // namespace weft::fabric::test
