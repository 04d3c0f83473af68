#include <catch2/catch_test_macros.hpp>

#include <weft/stream/socket_pipe.hpp>

#include "framed_pair.hpp"
#include "tests/engine/stream/sockets.hpp"

using namespace weft;
using namespace weft::conformance;

namespace {

FramedPair::Pipes plain(stream::test::Ends ends) {
  const auto pipe = [](Fd fd) -> std::unique_ptr<lane::BytePipe> {
    auto opened = stream::SocketPipe::open(std::move(fd));
    if (!opened) FAIL(opened.error().to_string());
    return std::make_unique<stream::SocketPipe>(std::move(*opened));
  };
  auto one = pipe(std::move(ends.one));
  return {std::move(one), pipe(std::move(ends.two))};
}

FramedPair::Pipes sealed(const stream::test::Node& a, const stream::test::Node& b, stream::test::Ends ends) {
  auto pipes = stream::test::shake_hands(a, b, std::move(ends));
  return {std::move(pipes.dialler), std::move(pipes.acceptor)};
}

}  // namespace

TEST_CASE("framed over TCP keeps the lane interface's promises", "[conformance][framed]") {
  run_lane_suite([] {
    return std::make_unique<FramedPair>(lane::framed_traits(weft::Lane::kTcp, false),
                                        [] { return plain(stream::test::tcp_ends()); });
  });
}

TEST_CASE("framed over a Unix socket keeps them", "[conformance][framed]") {
  run_lane_suite([] {
    return std::make_unique<FramedPair>(lane::framed_traits(weft::Lane::kShm, false),
                                        [] { return plain(stream::test::unix_ends()); });
  });
}

TEST_CASE("framed over TLS keeps them", "[conformance][framed]") {
  const stream::test::Node a;
  const stream::test::Node b;
  run_lane_suite([&] {
    return std::make_unique<FramedPair>(lane::framed_traits(weft::Lane::kTls, true),
                                        [&] { return sealed(a, b, stream::test::tcp_ends()); });
  });
}

TEST_CASE("framed over TLS over a Unix socket keeps them", "[conformance][framed]") {
  const stream::test::Node a;
  const stream::test::Node b;
  run_lane_suite([&] {
    return std::make_unique<FramedPair>(lane::framed_traits(weft::Lane::kTls, true),
                                        [&] { return sealed(a, b, stream::test::unix_ends()); });
  });
}
