// Question: what does a listening fabric lane hold for each of 1 000 connections, and how much later does one write
// arrive over one of them when the others are there? The lane is driven bare, as the loop drives it.
// Usage: bench_connections [--rounds N] [--tiny]
#include <sys/resource.h>

#include <array>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <weft/base/text.hpp>
#include <weft/crypto/random.hpp>
#include <weft/fabric/fabric_lane.hpp>

#include "bench/arguments.hpp"
#include "bench/child.hpp"
#include "bench/samples.hpp"
#include "bench/stopwatch.hpp"

namespace {

using namespace weft;

struct Side {
  Side() {
    fabric::FabricLaneOptions options;
    options.draw_key = [] { return crypto::random_u64(); };
    options.max_knocks = 2000;
    lane = unwrap(fabric::FabricLane::open(std::move(options)));
  }
  /// Polls once, calling `on` with each event.
  template <class F>
  void turn(F&& on) {
    const std::size_t count = lane->poll(events);
    for (std::size_t i = 0; i < count; ++i) on(events[i]);
  }
  std::unique_ptr<fabric::FabricLane> lane;
  std::vector<lane::Event> events = std::vector<lane::Event>(64);
};

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * 4096;
}

/// Memory of a side that the other writes over one channel, and where it does so.
struct Landing {
  Landing(Side& side, lane::Channel channel)
      : exposure(unwrap(side.lane->expose({.data = memory.data(), .size = memory.size()}, channel))) {}
  void tell(bench::Talk& talk) const {
    talk.say(std::to_string(exposure->key()));
    talk.say(std::to_string(exposure->base()));
  }
  std::vector<std::byte> memory = std::vector<std::byte>(8);
  lane::ExposurePtr exposure;
};

struct Remote {
  template <class Hears>
  explicit Remote(Hears& talk) : key(std::stoull(talk.hear())), base(std::stoull(talk.hear())) {}
  void write(Side& side, lane::Channel channel) const {
    static constexpr std::array<std::byte, 8> kBytes{};
    const lane::Gather from{.data = kBytes.data(), .size = kBytes.size()};
    const lane::RemoteRange to{.key = key, .offset = base, .length = kBytes.size()};
    while (side.lane->write(channel, std::span(&from, 1), std::span(&to, 1), 1u, 1) != lane::Posted::kTaken)
      side.turn([](const lane::Event&) {});
  }
  std::uint64_t key, base;
};

/// Dials as often as it is told, then answers so many writes.
void dials(bench::Talk& talk) {
  const std::string address = talk.hear();
  Side side;
  std::vector<lane::Channel> up;
  for (;;) {
    const std::size_t wanted = std::stoul(talk.hear());
    for (std::size_t dialled = up.size(); up.size() < wanted;) {
      if (dialled < wanted && dialled - up.size() < 32) {
        (void)unwrap(side.lane->dial(address, {}));
        ++dialled;
      }
      side.turn([&](const lane::Event& event) {
        if (const auto* one = std::get_if<lane::Up>(&event)) up.push_back(one->channel);
        if (const auto* down = std::get_if<lane::Down>(&event)) unwrap(Result<void>(std::unexpected(down->why)));
      });
    }
    talk.say("up");
    const Landing landing(side, up.front());
    landing.tell(talk);
    const Remote there(talk);
    for (std::size_t left = std::stoul(talk.hear()); left > 0;) {
      bool arrived = false;
      side.turn([&](const lane::Event& event) { arrived = arrived || std::holds_alternative<lane::Arrived>(event); });
      if (!arrived) continue;
      there.write(side, up.front());
      --left;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse(argc, argv);
  const std::size_t most = arguments.tiny ? 20 : 1000;
  const std::size_t trips = arguments.tiny ? 50 : 20'000;
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  bench::Child child(dials);
  Side side;
  child.say(unwrap(side.lane->listen()));
  std::vector<lane::Channel> up;
  double alone = 0;
  for (const std::size_t count : {std::size_t{1}, most}) {
    const std::uint64_t before = resident_bytes();
    const std::size_t had = up.size();
    child.say(std::to_string(count));
    const bench::Stopwatch watch;
    while (up.size() < count)
      side.turn([&](const lane::Event& event) {
        if (const auto* knock = std::get_if<lane::Knock>(&event)) unwrap(side.lane->admit(knock->channel));
        if (const auto* one = std::get_if<lane::Up>(&event)) up.push_back(one->channel);
      });
    if (child.hear() != "up") return 1;
    fmt::print("{} connections are up, after {:.0f} ms\n", up.size(), watch.seconds() * 1e3);
    if (had != 0)
      bench::result("connections.kib_each",
                    static_cast<double>(resident_bytes() - before) / static_cast<double>(count - had) / 1024);
    const Remote there(child);
    const Landing landing(side, up.front());
    child.say(std::to_string(landing.exposure->key()));
    child.say(std::to_string(landing.exposure->base()));
    child.say(std::to_string(trips));
    bench::Samples round_trips;
    while (round_trips.size() < trips) {
      const bench::Stopwatch trip;
      there.write(side, up.front());
      for (bool back = false; !back;)
        side.turn([&](const lane::Event& event) { back = back || std::holds_alternative<lane::Arrived>(event); });
      round_trips.add(trip.seconds());
    }
    bench::print(fmt::format("8 bytes there and back, {} up", count), round_trips, 0);
    if (had == 0)
      alone = round_trips.p99();
    else
      bench::result("connections.p99_to_alone", round_trips.p99() / alone);
  }
  return 0;
}
