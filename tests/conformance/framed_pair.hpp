#pragma once

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <memory>
#include <utility>

#include <weft/lane/framed.hpp>

#include "lane_suite.hpp"

namespace weft::conformance {

/// Two framed lanes over pipes that `make_pipes` connects, one end for each.
class FramedPair final : public LanePair {
 public:
  using Pipes = std::pair<std::unique_ptr<lane::BytePipe>, std::unique_ptr<lane::BytePipe>>;

  FramedPair(lane::Traits traits, std::function<Pipes()> make_pipes)
      : make_pipes_(std::move(make_pipes)), a_(open(traits, 1)), b_(open(traits, 2)) {}

  lane::Lane& a() override { return *a_; }
  lane::Lane& b() override { return *b_; }
  std::pair<Channel, Channel> connect(Watch& watch) override {
    auto pipes = make_pipes_();
    const auto a = a_->adopt(std::move(pipes.first));
    const auto b = b_->adopt(std::move(pipes.second));
    if (!a) FAIL(a.error().to_string());
    if (!b) FAIL(b.error().to_string());
    watch.until("Up at both", [&] { return watch.a.is_up(*a) && watch.b.is_up(*b); });
    return {*a, *b};
  }

 private:
  static std::unique_ptr<lane::FramedLane> open(const lane::Traits& traits, std::uint64_t seed) {
    auto opened = lane::FramedLane::open({.traits = traits, .draw_key = [key = seed]() mutable {
                                            return key = key * 6364136223846793005u + 1442695040888963407u;
                                          }});
    if (!opened) FAIL(opened.error().to_string());
    return std::move(*opened);
  }

  std::function<Pipes()> make_pipes_;
  std::unique_ptr<lane::FramedLane> a_;
  std::unique_ptr<lane::FramedLane> b_;
};

}  // namespace weft::conformance
