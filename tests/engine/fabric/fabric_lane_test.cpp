#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <iterator>
#include <set>

#include <weft/base/fd.hpp>
#include <weft/fabric/fabric_address.hpp>

#include "lane_pair.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;

namespace {

/// A TCP connection to a fabric address: a stranger.
Fd stranger(const std::string& address) {
  const FabricAddress to = unwrap(FabricAddress::parse(address));
  Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(to.raw().data()), to.size()) != 0) return Fd{};
  return socket;
}

/// Whether a loop that looks so many times before it asks may sleep within a few turns, with a descriptor that is
/// quiet.
bool falls_asleep(Node& node, int looks = 1) {
  for (int turn = 0; turn < 200; ++turn) {
    for (int look = 0; look < looks; ++look) node.turn();
    if (!node.lane->may_block()) continue;
    pollfd waiting{node.lane->waitable(), POLLIN, 0};
    if (::poll(&waiting, 1, 0) == 0) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a lane tells what it is and refuses to be what it is not", "[fabric]") {
  for (const char* provider : {"net", "tcp"}) {
    DYNAMIC_SECTION("on " << provider) {
      const Node node{provider};
      const auto& traits = node.lane->traits();
      CHECK(node.lane->provider_name() == provider);
      CHECK(traits.name == Lane::kTcp);
      CHECK(traits.gather == 4);
      CHECK(traits.scatter == 4);
      CHECK(traits.piece_bytes == 256 * 1024);
      CHECK(traits.window_bytes == 512 * 1024);
      CHECK(traits.ordered);
      CHECK(traits.key_per_landing);
      CHECK_FALSE(traits.attributed);
      CHECK_FALSE(traits.sealed);
      CHECK(traits.max_message == 0);
      CHECK(node.lane->send({1}, {}, 1) == lane::Posted::kDown);
    }
  }
  const auto missing = open_lane("no-such-provider");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind() == ErrorClass::kUnsupported);
  CHECK_FALSE(missing.error().hint().empty());
  CHECK(FabricLane::open({}).error().kind() == ErrorClass::kInvalidArgument);
  CHECK(open_lane("tcp", {.bind_address = "localhost"}).error().kind() == ErrorClass::kInvalidArgument);
}

TEST_CASE("without a name the best tcp of this libfabric is taken", "[fabric]") {
  const Node node{""};
  CHECK(node.lane->traits().name == Lane::kTcp);
  CHECK(provider_of(node.lane->provider_name()) == Provider::kTcp);
}

TEST_CASE("every exposure has a key of its own, drawn by the caller's generator", "[fabric][O-18]") {
  std::uint64_t draws = 0;
  FabricLaneOptions options;
  options.draw_key = [&]() -> Result<std::uint64_t> {
    ++draws;
    return draws <= 2 ? 99 : draws * 1000;  // the second exposure meets a key in use, and draws again
  };
  const Node node{"tcp", options};
  std::array<std::byte, 64> memory{};
  const auto first = node.lane->expose({memory.data(), 64}, {1});
  const auto second = node.lane->expose({memory.data(), 64}, {1});
  REQUIRE(first);
  REQUIRE(second);
  CHECK((*first)->key() == 99);
  CHECK((*second)->key() == 3000);
  CHECK((*first)->base() == 0);
  CHECK(node.lane->expose({memory.data(), 0}, {1}).error().kind() == ErrorClass::kInvalidArgument);
  options.draw_key = []() -> Result<std::uint64_t> { return fail(ErrorClass::kInternal, "random", "no entropy"); };
  CHECK(Node{"tcp", options}.lane->expose({memory.data(), 64}, {1}).error().kind() == ErrorClass::kInternal);
}

TEST_CASE("a loop with nothing to do sleeps, also after traffic and ends of connections", "[fabric][O-36]") {
  for (const char* provider : {"net", "tcp"}) {
    DYNAMIC_SECTION("on " << provider) {
      Nodes nodes{provider};
      CHECK(falls_asleep(nodes.a));
      nodes.connect();
      CHECK(falls_asleep(nodes.a));
      CHECK(falls_asleep(nodes.b));
      CHECK(falls_asleep(nodes.a, 3));  // a loop on a fast processor looks more than once before it would sleep
      std::vector<std::byte> landing(4096);
      const auto exposure = unwrap(nodes.b.lane->expose({landing.data(), landing.size()}, nodes.at_b));
      const std::vector<std::byte> source(4096, std::byte{1});
      const std::array gather{lane::Gather{source.data(), source.size(), nullptr}};
      const std::array remote{lane::RemoteRange{exposure->key(), 0, 4096}};
      for (lane::Token token = 0; token < 20; ++token)
        REQUIRE(nodes.a.lane->write(nodes.at_a, gather, remote, 1u, token) == lane::Posted::kTaken);
      CHECK_FALSE(nodes.a.lane->may_block());  // something was posted and not looked at
      nodes.until("all of it",
                  [&] { return nodes.b.count<lane::Arrived>() == 20 && nodes.a.count<lane::Finished>() == 20; });
      CHECK(falls_asleep(nodes.a));
      CHECK(falls_asleep(nodes.b));
      nodes.a.lane->close(nodes.at_a);
      CHECK_FALSE(nodes.a.lane->may_block());
      nodes.until("both down", [&] { return nodes.a.count<lane::Down>() == 1 && nodes.b.count<lane::Down>() == 1; });
      CHECK(falls_asleep(nodes.a));
      CHECK(falls_asleep(nodes.b));
    }
  }
}

TEST_CASE("a dial that nobody answers ends at its deadline, and wakes the loop for it", "[fabric][O-31]") {
  for (const char* provider : {"net", "tcp"}) {
    DYNAMIC_SECTION("on " << provider) {
      TimePoint now = Clock::now();
      FabricLaneOptions options;
      options.now = [&] { return now; };
      options.connect_timeout = std::chrono::hours{1};
      Nodes nodes{provider, options, options};
      const auto dialled = unwrap(nodes.a.lane->dial(unwrap(nodes.b.lane->listen()), {}));
      nodes.until("the knock", [&] { return nodes.b.count<lane::Knock>() == 1; });
      now += std::chrono::minutes{59};
      for (int turn = 0; turn < 100; ++turn) nodes.turn();
      CHECK(nodes.a.count<lane::Down>() + nodes.b.count<lane::Down>() == 0);
      now += std::chrono::minutes{2};
      nodes.a.turn();
      REQUIRE(nodes.a.count<lane::Down>() == 1);
      CHECK(nodes.a.last<lane::Down>().channel == dialled);
      CHECK(nodes.a.last<lane::Down>().why.kind() == ErrorClass::kPeerUnreachable);
      nodes.until("the end of the knock", [&] { return nodes.b.count<lane::Down>() == 1; });
      CHECK(nodes.b.lane->admit(nodes.b.last<lane::Knock>().channel).error().kind() == ErrorClass::kNotFound);
    }
  }
}

TEST_CASE("a sleeping loop is woken by the deadline of its dial", "[fabric][O-36]") {
  FabricLaneOptions options;
  options.connect_timeout = std::chrono::milliseconds{20};
  Nodes nodes{"net", options};
  REQUIRE(nodes.a.lane->dial(unwrap(nodes.b.lane->listen()), {}));
  // B is never turned: nothing but the deadline can wake A.
  while (nodes.a.count<lane::Down>() == 0) {
    nodes.a.turn();
    if (!nodes.a.lane->may_block()) continue;
    pollfd waiting{nodes.a.lane->waitable(), POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, 10'000) == 1);
  }
  CHECK(nodes.a.last<lane::Down>().why.kind() == ErrorClass::kPeerUnreachable);
}

TEST_CASE("more knocks than are allowed for are refused", "[fabric][O-34][T8]") {
  for (const char* provider : {"net", "tcp"}) {
    DYNAMIC_SECTION("on " << provider) {
      FabricLaneOptions of_b;
      of_b.max_knocks = 3;
      Nodes nodes{provider, {}, of_b};
      const std::string address = unwrap(nodes.b.lane->listen());
      for (int i = 0; i < 5; ++i) REQUIRE(nodes.a.lane->dial(address, {}));
      nodes.until("two refusals", [&] { return nodes.a.count<lane::Down>() == 2; });
      CHECK(nodes.b.count<lane::Knock>() == 3);
      CHECK(nodes.a.last<lane::Down>().why.native_code() == ECONNREFUSED);
      nodes.b.lane->close(nodes.b.last<lane::Knock>().channel);
      REQUIRE(nodes.a.lane->dial(address, {}));
      nodes.until("room for another", [&] { return nodes.b.count<lane::Knock>() == 4; });
      const std::array<std::byte, 56> long_pass{};
      CHECK(nodes.a.lane->dial(address, long_pass).error().kind() == ErrorClass::kInvalidArgument);
      CHECK(nodes.a.lane->dial("nowhere", {}).error().kind() == ErrorClass::kInvalidArgument);
    }
  }
}

TEST_CASE("a stranger who connected and speaks after the listener closed does no harm", "[fabric]") {
  Nodes nodes{"net"};
  for (int lap = 0; lap < 20; ++lap) {
    const std::string address = unwrap(nodes.b.lane->listen());
    const Fd silent = stranger(address);
    const Fd gone = stranger(address);
    REQUIRE(silent);
    for (int turn = 0; turn < 20; ++turn) nodes.turn();
    nodes.b.lane->stop_listening();
    for (int turn = 0; turn < 20; ++turn) nodes.turn();
    CHECK_FALSE(stranger(address));  // the port is closed

    // A whole connect request, as the provider's own dialler sends it: version 3, type 0 (request), conn_data 1.
    std::array<unsigned char, 32> request{3};
    request[24] = 1;
    CHECK(::write(silent.get(), request.data(), request.size()) == static_cast<ssize_t>(request.size()));
    for (int turn = 0; turn < 200; ++turn) nodes.turn();
  }
  CHECK(nodes.b.count<lane::Knock>() == 0);
  nodes.connect();  // and the lane works
}

TEST_CASE("a stranger who announces connect data and sends none does not hold the loop", "[fabric]") {
  for (const char* provider : {"net", "tcp"}) {
    DYNAMIC_SECTION("on " << provider) {
      Nodes nodes{provider};
      const std::string address = unwrap(nodes.b.lane->listen());
      std::vector<Fd> strangers;
      for (int i = 0; i < 3; ++i) {
        strangers.push_back(stranger(address));
        std::array<unsigned char, 32> request{3, 0, 0, 200};  // 200 bytes of connect data follow, or rather do not
        request[24] = 1;
        CHECK(::write(strangers.back().get(), request.data(), request.size()) == static_cast<ssize_t>(request.size()));
      }
      nodes.connect();  // behind them; it would wait for ever
      CHECK(nodes.b.count<lane::Knock>() == 1);
    }
  }
}

TEST_CASE("a listener opened again has another address where it was closed", "[fabric]") {
  Nodes nodes{"net"};
  std::set<std::string> addresses;
  for (int lap = 0; lap < 3; ++lap) {
    addresses.insert(unwrap(nodes.b.lane->listen()));
    nodes.b.lane->stop_listening();
    nodes.b.lane->stop_listening();
  }
  CHECK(addresses.size() == 3);
  nodes.connect();
}

TEST_CASE("a lane that ends gives back every socket, however far dials of it had come", "[fabric][O-08]") {
  const auto descriptors = [] {
    return std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, std::filesystem::directory_iterator{});
  };
  for (const char* provider : {"net", "tcp"}) {
    for (const bool stopped : {false, true}) {
      DYNAMIC_SECTION("on " << provider << (stopped ? ", no longer listening" : "")) {
        std::ptrdiff_t before = 0;
        for (int lap = -1; lap < 16; ++lap) {
          CAPTURE(lap);
          {
            Fd silent;  // outlives the lane
            Nodes nodes{provider};
            const std::string address = unwrap(nodes.b.lane->listen());
            silent = stranger(address);
            for (int dial = 0; dial < 3; ++dial) REQUIRE(nodes.a.lane->dial(address, {}));
            for (int turn = 0; turn < 20; ++turn) nodes.a.turn();
            // One event at a time: each lap more of them are accepted, read and shown, and what is left is not.
            for (int look = 0; look < (lap < 0 ? 16 : lap); ++look) {
              std::array<lane::Event, 1> event;
              nodes.b.lane->poll(event);
            }
            if (stopped) nodes.b.lane->stop_listening();
          }
          if (lap < 0) before = descriptors();  // with what libfabric opens once
          CHECK(descriptors() == before);
        }
      }
    }
  }
}

TEST_CASE("a lane with knocks, dials and writes in the air may be dropped", "[fabric][O-08]") {
  for (const char* provider : {"net", "tcp"}) {
    DYNAMIC_SECTION("on " << provider) {
      std::vector<std::byte> landing(1 << 20);
      const std::vector<std::byte> source(1 << 20);
      for (int lap = 0; lap < 10; ++lap) {
        Nodes nodes{provider};
        nodes.connect();
        const auto exposure = unwrap(nodes.b.lane->expose({landing.data(), landing.size()}, nodes.at_b));
        const std::array gather{lane::Gather{source.data(), source.size(), nullptr}};
        const std::array remote{lane::RemoteRange{exposure->key(), 0, source.size()}};
        REQUIRE(nodes.a.lane->write(nodes.at_a, gather, remote, 1u, 1) == lane::Posted::kTaken);
        REQUIRE(nodes.a.lane->dial(unwrap(nodes.b.lane->listen()), {}));
        nodes.until("the knock", [&] { return nodes.b.count<lane::Knock>() == 2; });
        if (lap % 2 == 0)
          nodes.b.lane.reset();
        else
          nodes.a.lane.reset();
      }
    }
  }
}
