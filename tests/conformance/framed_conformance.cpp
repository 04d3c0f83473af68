#include <catch2/catch_test_macros.hpp>

#include "framed_pair.hpp"
#include "plain_pipe.hpp"

using namespace weft;
using namespace weft::conformance;

TEST_CASE("framed over a socket pair keeps the lane interface's promises", "[conformance][framed]") {
  run_lane_suite([] {
    return std::make_unique<FramedPair>(lane::framed_traits(weft::Lane::kTcp, false),
                                        [] { return FramedPair::Pipes{PlainPipe::make_pair()}; });
  });
}

TEST_CASE("framed keeps them when a pipe moves a few bytes at a time", "[conformance][framed]") {
  auto traits = lane::framed_traits(weft::Lane::kTcp, false);
  traits.max_message = 200'000;
  traits.piece_bytes = 16 * 1024;
  traits.window_bytes = 32 * 1024;
  traits.gather = 3;
  traits.scatter = 5;
  run_lane_suite([traits] {
    return std::make_unique<FramedPair>(traits, [seed = std::uint64_t{1}]() mutable {
      auto pipes = PlainPipe::make_pair();
      pipes.first->dribble(1000, ++seed);
      pipes.second->dribble(777, ++seed);
      return FramedPair::Pipes{std::move(pipes)};
    });
  });
}
