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

struct RailNode final : transfer::DriverHost {
  RailNode(std::uint8_t number, const std::string& provider)
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
    if (!opened) SKIP(opened.error().to_string());
    rails = std::make_unique<AccountedLane>(std::move(*opened));
    driver.add_lane(*framed);
    driver.add_lane(*rails);
  }
  void adopt(std::unique_ptr<conformance::PlainPipe> pipe, std::uint8_t peer, bool dialled) {
    driver.adopt(*framed, unwrap(framed->adopt(std::move(pipe))),
                 {.peer = node_id(peer),
                  .dialled = dialled,
                  .stream = framed->traits(),
                  .rail_lanes = {{.lane = weft::Lane::kTcp, .provider = "tcp", .wire_version = 1}}},
                 {});
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
  std::unique_ptr<AccountedLane> rails;
  transfer::Core core;
  transfer::Driver driver;
  std::function<void(transfer::Outcome&)> on_outcome;
  std::function<void(const transfer::GrainEvent&)> on_grain;
  bool ended = false;
};

struct RailPair {
  explicit RailPair(const std::string& provider) : a(1, provider), b(2, provider) {
    auto pipes = conformance::PlainPipe::make_pair();
    a.adopt(std::move(pipes.first), 2, false);
    b.adopt(std::move(pipes.second), 1, true);
  }
  void turn() {
    a.driver.turn(Clock::now());
    b.driver.turn(Clock::now());
  }
  void until(std::string_view what, const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (!done()) {
      turn();
      if (std::chrono::steady_clock::now() > deadline) FAIL("waited in vain: " << std::string{what});
    }
  }
  /// Until whatever was held anywhere has been let go, and looked at.
  void settle() {
    for (int turns = 0; turns < 400; ++turns) turn();
  }
  /// The session ends, and with it the rails: each had its one Down, and nothing is out.
  void close() {
    const auto session = b.core.session_with(node_id(1));
    REQUIRE(session);
    b.core.close_session(*session, Error(ErrorClass::kCancelled, "close", "the test is over"), Clock::now());
    until("the session's end", [&] { return a.ended && b.ended; });
    until("every end", [&] { return a.rails->posted() == 0 && b.rails->posted() == 0; });
    settle();
  }

  RailNode a;
  RailNode b;
};

}  // namespace weft::fabric::test
