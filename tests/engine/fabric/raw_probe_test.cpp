#include <catch2/catch_test_macros.hpp>
#include <thread>

#include <weft/fabric/raw_probe.hpp>

using namespace weft;
using namespace weft::fabric;

namespace {

TimePoint soon() { return Clock::now() + std::chrono::seconds{20}; }

}  // namespace

TEST_CASE("a raw probe measures writes and round trips against a serving peer", "[fabric]") {
  for (const char* provider : {"net", "tcp"}) {
    DYNAMIC_SECTION("on " << provider) {
      auto target = RawPeer::open(provider, 3 << 20);
      if (!target) SKIP(target.error().to_string());
      const std::string address = unwrap(target->listen());
      Result<void> served;
      std::thread server{[&] { served = target->serve(soon()); }};
      {
        RawPeer writer = unwrap(RawPeer::open(provider, 3 << 20));
        const auto dialled = writer.dial(address, soon());
        const auto best = writer.best(1, soon());
        const auto round_trips = writer.ping(4096, 10, soon());
        CHECK(dialled);
        REQUIRE(best);
        CHECK(best->bytes_per_second > 0);
        REQUIRE(round_trips);
        CHECK(round_trips->size() == 10);
        CHECK(writer.ping(2 << 20, 1, soon()).error().kind() == ErrorClass::kInvalidArgument);
      }
      server.join();  // the writer's end is the server's
      CHECK(served);
    }
  }
}

TEST_CASE("a raw probe without a peer ends at its deadline", "[fabric]") {
  auto target = RawPeer::open("tcp", 1 << 20);
  if (!target) SKIP(target.error().to_string());
  const std::string address = unwrap(target->listen());
  RawPeer writer = unwrap(RawPeer::open("tcp", 1 << 20));
  CHECK(writer.dial(address, Clock::now()).error().kind() == ErrorClass::kDeadlineExceeded);
  CHECK(RawPeer::open("no-such-provider", 1).error().kind() == ErrorClass::kUnsupported);
}
