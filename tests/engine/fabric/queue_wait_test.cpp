#include <signal.h>
#include <sys/time.h>
#include <catch2/catch_test_macros.hpp>

#include <thread>

#include "datagram_side.hpp"
#include "loopback.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;
using std::chrono::milliseconds;

namespace {

/// A side whose queues suit its provider, as a user opens them.
struct Blocking {
  explicit Blocking(const std::string& provider)
      : info(message_info(provider)),
        fabric(unwrap(Fabric::open(info.view()))),
        domain(unwrap(Domain::open(fabric))),
        events(unwrap(EventQueue::open(fabric))),
        completions(unwrap(CompletionQueue::open(domain))) {}
  Endpoint endpoint(FabricInfoView from) {
    Endpoint opened = unwrap(Endpoint::create(domain, from));
    REQUIRE(opened.bind(events));
    REQUIRE(opened.bind(completions));
    REQUIRE(opened.enable());
    return opened;
  }
  FabricInfo info;
  Fabric fabric;
  Domain domain;
  EventQueue events;
  CompletionQueue completions;
};

std::optional<Event> event_of(EventQueue& queue) { return queue.read_blocking(std::chrono::seconds{10}); }

/// A connection between two threads' sides: `there` accepts and then does what it is told.
template <class There>
void with_peer(const std::string& provider, There&& there, auto&& here) {
  Blocking a{provider};
  Blocking b{provider};
  PassiveEndpoint listener = unwrap(PassiveEndpoint::open(b.fabric, b.info.view()));
  REQUIRE(listener.bind(b.events));
  REQUIRE(listener.listen());
  const FabricAddress address = unwrap(listener.local_address());
  std::thread other{[&] {
    auto requested = event_of(b.events);
    if (!requested || !requested->is_connection_requested()) return;
    Endpoint accepted = b.endpoint(std::get<ConnectionRequested>(*requested).info().view());
    if (!accepted.accept()) return;
    if (auto up = event_of(b.events); up && up->is_connected()) there(b, accepted);
  }};
  FabricInfo towards = a.info;
  static_cast<void>(towards.set_source(std::nullopt));
  static_cast<void>(towards.set_destination(address));
  Endpoint dialled = a.endpoint(towards.view());
  const auto connecting = dialled.connect(address);
  const auto up = dialled.read_queues_blocking(std::chrono::seconds{10});
  here(a, dialled, connecting && up && up->second && up->second->is_connected());
  other.join();
}

}  // namespace

TEST_CASE("a blocked read of both queues is woken by the peer's going", "[fabric][O-35][O-36]") {
  for (const char* provider : kProviderNames) {
    DYNAMIC_SECTION("on " << provider) {
      with_peer(
          provider,
          [](Blocking&, Endpoint& accepted) {
            std::this_thread::sleep_for(milliseconds{20});
            accepted.close();
          },
          [](Blocking&, Endpoint& dialled, bool up) {
            REQUIRE(up);
            const auto said = dialled.read_queues_blocking(std::chrono::seconds{10});
            REQUIRE(said);
            REQUIRE(said->second);
            CHECK((said->second->is_shutdown() || said->second->is_error()));
            CHECK(said->second->fid() == dialled.fid());
          });
    }
  }
}

TEST_CASE("a blocked read of both queues is woken by a write", "[fabric][O-35][O-36]") {
  for (const char* provider : kProviderNames) {
    DYNAMIC_SECTION("on " << provider) {
      std::vector<std::byte> landing(64);
      std::vector<std::byte> source(64, std::byte{7});
      std::atomic<std::uint64_t> key{0};
      with_peer(
          provider,
          [&](Blocking& b, Endpoint& accepted) {
            while (key.load() == 0) std::this_thread::sleep_for(milliseconds{1});
            std::this_thread::sleep_for(milliseconds{20});
            static_cast<void>(accepted.write(LocalRegion{reinterpret_cast<std::uint64_t>(source.data()), 64, nullptr},
                                             RemoteRegion{0, 64, key.load()}, kConnectedPeer, 5u));
            static_cast<void>(b.completions.read_blocking(std::chrono::seconds{10}));
          },
          [&](Blocking& a, Endpoint& dialled, bool up) {
            REQUIRE(up);
            REQUIRE(a.domain.register_regions({Region::of(std::span{landing})}, Access::kRemoteWrite));
            key = a.domain.remote_regions()[0].rkey;
            const auto said = dialled.read_queues_blocking(std::chrono::seconds{10});
            REQUIRE(said);
            REQUIRE(said->first);
            CHECK(said->first->data().data() == 5u);
            CHECK(landing == source);
            static_cast<void>(dialled.read_queues_blocking(milliseconds{50}));
          });
    }
  }
}

TEST_CASE("with something in both queues, one read returns both", "[fabric][O-35]") {
  Connection pair{"net"};
  std::vector<std::byte> memory(64);
  REQUIRE(pair.b.domain.register_regions({Region::of(std::span{memory})}, Access::kRemoteWrite));
  REQUIRE(pair.at_a->write(LocalRegion{reinterpret_cast<std::uint64_t>(memory.data()), 64, nullptr},
                           pair.b.domain.remote_regions()[0], kConnectedPeer, 1u));
  pair.until("the arrival", [&] { return !pair.b.done.empty(); });
  pair.until("the end", [&] { return !pair.a.done.empty(); });
  REQUIRE(pair.at_a->write(LocalRegion{reinterpret_cast<std::uint64_t>(memory.data()), 64, nullptr},
                           pair.b.domain.remote_regions()[0], kConnectedPeer, 2u));
  // The write is out when it has completed here; then the close follows it on the wire.
  pair.a.done.clear();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  QueueEntries both;
  bool closed = false;
  while (!(both.first && both.second) && std::chrono::steady_clock::now() < deadline) {
    if (!closed) {
      pair.a.turn();
      QueueEntries some = pair.at_b->read_queues();
      if (some.first) both.first = std::move(some.first);
      if (both.first) {
        pair.at_a->close();
        closed = true;
      }
      continue;
    }
    QueueEntries some = pair.at_b->read_queues();
    if (some.second) both.second = std::move(some.second);
  }
  REQUIRE((both.first && both.second));
  CHECK(both.first->data().data() == 2u);
  CHECK((both.second->is_shutdown() || both.second->is_error()));
}

TEST_CASE("a blocking read ends at its bound with nothing, and not before", "[fabric][O-36][O-38]") {
  const auto ends = [](auto&& read) {
    const auto start = Clock::now();
    CHECK_FALSE(read(milliseconds{30}));
    CHECK(Clock::now() - start >= milliseconds{30});
    CHECK_FALSE(read(milliseconds{0}));
  };
  for (const char* provider : kProviderNames) {
    Blocking side{provider};
    ends([&](Duration bound) { return side.completions.read_blocking(bound); });
    ends([&](Duration bound) { return side.events.read_blocking(bound); });
    Endpoint endpoint = unwrap(Endpoint::create(side.domain));
    CHECK(endpoint.read_queues_blocking(milliseconds{1}).error().kind() == ErrorClass::kInvalidArgument);
    CHECK_FALSE(endpoint.read_queues().first);
    REQUIRE(endpoint.bind(side.events));
    REQUIRE(endpoint.bind(side.completions));
    ends([&](Duration bound) {
      const QueueEntries said = unwrap(endpoint.read_queues_blocking(bound));
      return said.first || said.second;
    });
  }
  for (const char* provider : kDatagramProviders) {
    DatagramSide side{provider};
    ends([&](Duration bound) { return side.completions.read_blocking(bound); });
  }
}

TEST_CASE("a signal ends a blocking read, which works again afterwards", "[fabric][O-38]") {
  struct sigaction quiet{};
  quiet.sa_handler = [](int) {};
  struct sigaction before{};
  sigaction(SIGALRM, &quiet, &before);
  for (const char* provider : {"tcp", "net"}) {
    Blocking side{provider};
    const itimerval soon{.it_interval = {0, 5000}, .it_value = {0, 5000}};
    setitimer(ITIMER_REAL, &soon, nullptr);
    // The timer repeats: one signal may fall between two naps.
    const auto said = side.completions.read_blocking(std::chrono::seconds{10});
    const auto event = side.events.read_blocking(std::chrono::seconds{10});
    const itimerval off{};
    setitimer(ITIMER_REAL, &off, nullptr);
    REQUIRE(said);
    REQUIRE(said->is_err_entry());
    CHECK(said->err().is_interrupted());
    REQUIRE(event);
    CHECK(event->is_error());
    CHECK_FALSE(side.completions.read_blocking(milliseconds{1}));
  }
  sigaction(SIGALRM, &before, nullptr);
}
