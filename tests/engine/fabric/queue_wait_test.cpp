#include <signal.h>
#include <sys/time.h>
#include <unistd.h>
#include <catch2/catch_test_macros.hpp>

#include <fstream>
#include <string>
#include <thread>

#include <tests/soon.hpp>

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

/// Tells another thread when this one is blocked.
class Sleeper {
 public:
  void goes_to_sleep() { thread_ = ::gettid(); }
  /// Returns once it sleeps, or after a watchdog; `seen` says which.
  void wait() {
    seen_ = weft::test::soon([this] { return thread_ != 0 && sleeps(); });
  }
  bool seen() const { return seen_; }

 private:
  bool sleeps() const {
    std::ifstream file("/proc/self/task/" + std::to_string(thread_) + "/stat");
    std::string line;
    std::getline(file, line);
    const std::size_t name_end = line.rfind(')');
    return name_end != std::string::npos && line.substr(name_end + 1, 2) == " S";
  }
  std::atomic<pid_t> thread_{0};
  std::atomic<bool> seen_{false};
};

std::optional<Event> event_of(EventQueue& queue) { return queue.read_blocking(std::chrono::minutes{1}); }

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
  const auto up = dialled.read_queues_blocking(std::chrono::minutes{1});
  here(a, dialled, connecting && up && up->second && up->second->is_connected());
  other.join();
}

}  // namespace

TEST_CASE("a blocked read of both queues is woken by the peer's going", "[fabric][O-35][O-36]") {
  for (const char* provider : kSoftwareProviders) {
    DYNAMIC_SECTION("on " << provider) {
      Sleeper reader;
      with_peer(
          provider,
          [&](Blocking&, Endpoint& accepted) {
            reader.wait();
            accepted.close();
          },
          [&](Blocking&, Endpoint& dialled, bool up) {
            REQUIRE(up);
            reader.goes_to_sleep();
            const auto said = dialled.read_queues_blocking(std::chrono::minutes{1});
            REQUIRE(said);
            REQUIRE(said->second);
            CHECK((said->second->is_shutdown() || said->second->is_error()));
            CHECK(said->second->fid() == dialled.fid());
            CHECK(reader.seen());
          });
    }
  }
}

TEST_CASE("a blocked read of both queues is woken by a write", "[fabric][O-35][O-36]") {
  for (const char* provider : kSoftwareProviders) {
    DYNAMIC_SECTION("on " << provider) {
      std::vector<std::byte> landing(64);
      std::vector<std::byte> source(64, std::byte{7});
      std::atomic<std::uint64_t> key{0};
      Sleeper reader;
      with_peer(
          provider,
          [&](Blocking& b, Endpoint& accepted) {
            reader.wait();
            static_cast<void>(accepted.write(LocalRegion{reinterpret_cast<std::uint64_t>(source.data()), 64, nullptr},
                                             RemoteRegion{0, 64, key.load()}, kConnectedPeer, 5u));
            static_cast<void>(b.completions.read_blocking(std::chrono::minutes{1}));
          },
          [&](Blocking& a, Endpoint& dialled, bool up) {
            REQUIRE(up);
            REQUIRE(a.domain.register_regions({Region::of(std::span{landing})}, Access::kRemoteWrite));
            key = a.domain.remote_regions()[0].rkey;
            reader.goes_to_sleep();
            const auto said = dialled.read_queues_blocking(std::chrono::minutes{1});
            REQUIRE(said);
            REQUIRE(said->first);
            CHECK(said->first->data().data() == 5u);
            CHECK(landing == source);
            CHECK(reader.seen());
            static_cast<void>(dialled.read_queues_blocking(milliseconds{50}));
          });
    }
  }
}

TEST_CASE("the end of a connection is told after everything that arrived before it", "[fabric][O-35][O-W18]") {
  for (const char* provider : kSoftwareProviders) {
    DYNAMIC_SECTION("on " << provider) {
      Connection pair{provider};
      std::vector<std::byte> memory(64);
      REQUIRE(pair.b.domain.register_regions({Region::of(std::span{memory})}, Access::kRemoteWrite));
      const LocalRegion from{reinterpret_cast<std::uint64_t>(memory.data()), 64, nullptr};
      constexpr std::uint32_t kWrites = 20;
      const std::array local{from};
      const std::array remote{pair.b.domain.remote_regions()[0]};
      for (std::uint32_t i = 0; i < kWrites; ++i)
        REQUIRE(pair.at_a->write(local, remote, i, nullptr) == PostResult::kPosted);
      // Everything is on the wire, the close behind it, before the other side looks.
      const auto deadline = Clock::now() + std::chrono::minutes{1};
      while (pair.a.done.size() < kWrites && Clock::now() < deadline) pair.a.turn();
      pair.at_a->close();
      std::uint32_t arrived = 0;
      std::optional<Event> end;
      while (!end && Clock::now() < deadline) {
        QueueEntries said = pair.at_b->read_queues();
        if (said.first && said.first->is_data_entry()) {
          CHECK(said.first->data().data() == arrived);
          ++arrived;
        }
        end = std::move(said.second);
      }
      REQUIRE(end);
      CHECK((end->is_shutdown() || end->is_error()));
      CHECK(arrived == kWrites);
    }
  }
}

TEST_CASE("a blocking read ends at its bound with nothing, and not before", "[fabric][O-36][O-38]") {
  const auto ends = [](auto&& read) {
    const auto start = Clock::now();
    CHECK_FALSE(read(milliseconds{30}));
    CHECK(Clock::now() - start >= milliseconds{30});
    CHECK_FALSE(read(milliseconds{0}));
  };
  for (const char* provider : kSoftwareProviders) {
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

TEST_CASE("a signal ends a blocking read, which works again afterwards", "[fabric][O-38][O-W29]") {
  struct sigaction quiet{};
  quiet.sa_handler = [](int) {};
  struct sigaction before{};
  sigaction(SIGALRM, &quiet, &before);
  for (const char* provider : {"tcp", "net"}) {
    Blocking side{provider};
    const itimerval soon{.it_interval = {0, 5000}, .it_value = {0, 5000}};
    setitimer(ITIMER_REAL, &soon, nullptr);
    // The timer repeats: one signal may fall between two naps.
    const auto said = side.completions.read_blocking(std::chrono::minutes{1});
    const auto event = side.events.read_blocking(std::chrono::minutes{1});
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
