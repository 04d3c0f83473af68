// Question: how fast are grains from one initiator to one target in another process, against bare writes with immediate
// data of the same size and depth (at most 256); and how long is a grain on its way, against the raw half round trip?
// In turn in one run. Usage: bench_grains [--lane tcp|tls] [--rounds N] [--tiny]
#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include <weft/weft.hpp>

#include "bench/arguments.hpp"
#include "bench/raw_side.hpp"
#include "bench/samples.hpp"
#include "bench/server.hpp"

namespace {

using namespace weft;
using bench::Samples;
using bench::Stopwatch;

struct Case {
  const char* key;
  std::size_t bytes = 0;
  std::size_t count = 0;  // of a round
  std::size_t depth = 0;  // slots of the ring, and writes out at a time
};

struct Ring {
  explicit Ring(const Case& one) : all(one.bytes * one.depth) {
    for (std::size_t i = 0; i < one.depth; ++i) slots.push_back(std::span(all).subspan(i * one.bytes, one.bytes));
  }
  std::vector<std::byte> all;
  std::vector<std::span<std::byte>> slots;
};

void connect(Initiator& initiator, const std::string& info) {
  unwrap(initiator.add_target(unwrap(TargetInfo::parse(info))));
  while (initiator.link(0) != TargetLink::kConnected) std::this_thread::yield();
}

std::size_t send(Initiator& initiator, std::uint64_t index, std::span<const std::byte> bytes) {
  return unwrap(initiator.send(index, std::span(&bytes, 1)));
}

/// Takes what comes, and gives back every grain whose index is odd.
void echo(bench::Talk& talk, const Case& one) {
  talk.hear();
  auto node = unwrap(TensorNode::start());
  Ring ring(one);
  auto target = unwrap(node.open_target({.slots = ring.slots}));
  talk.say(target.info().to_string());
  auto initiator = unwrap(node.open_initiator());
  connect(initiator, talk.hear());
  talk.say("connected");
  std::map<std::uint64_t, std::uint32_t> read_from;  // what is given back: its index, and the slot it lies in
  for (;;) {
    // No result wakes a reader of grains: while some are due it looks up now and then.
    const auto grain = target.read(read_from.empty() ? Deadline(std::chrono::hours(1)) : std::chrono::milliseconds(1));
    while (const auto result = initiator.next_result()) {
      const auto slot = read_from.extract(result->index);
      unwrap(target.release(slot.mapped()));
    }
    if (!grain) {
      if (grain.error().kind() != ErrorClass::kDeadlineExceeded) return;
    } else if (grain->index % 2 == 1) {
      read_from[grain->index] = grain->slot;
      send(initiator, grain->index, grain->data);
    } else {
      unwrap(target.release(grain->slot));
    }
  }
}

class Bench {
 public:
  Bench(const Case& one, bench::Child& child, bench::RawSide& raw, const bench::Arguments& arguments)
      : case_(one),
        raw_(raw),
        arguments_(arguments),
        node_(unwrap(TensorNode::start())),
        ring_(one),
        back_(unwrap(node_.open_target({.slots = ring_.slots}))),
        initiator_(unwrap(node_.open_initiator({.lane = arguments.lane}))),
        source_(one.bytes, std::byte{7}) {
    const std::string info = child.ask("open");
    connect(initiator_, info);
    child.ask(back_.info().to_string());
  }

  void run() {
    raw_.open(1);
    const fabric::RawShape shape{.piece_bytes = case_.bytes,
                                 .window = static_cast<std::uint32_t>(std::min<std::size_t>(case_.depth, 256))};
    Samples raw, ours, raw_trip, trip;
    for (int round = 0; round < arguments_.rounds; ++round) {
      raw.add(raw_.write(shape));
      stream();
      ours.add(stream());
      const std::size_t trips = arguments_.tiny ? 20 : 300;
      raw_trip.add(raw_.ping(case_.bytes, trips));
      round_trips(trips / 10 + 1);
      trip.add(round_trips(trips));
    }
    const double bytes = static_cast<double>(case_.bytes * case_.count);
    const double count = static_cast<double>(case_.count);
    bench::print(fmt::format("{} raw", case_.key), raw, bytes, fmt::format("{:.0f}/s", count / raw.median()));
    bench::print(fmt::format("{} grains", case_.key), ours, bytes, fmt::format("{:.0f}/s", count / ours.median()));
    bench::print(fmt::format("{} raw round trip", case_.key), raw_trip, 0);
    bench::print(fmt::format("{} grain there and back", case_.key), trip, 0);
    bench::result(fmt::format("grains.{}.rate_to_raw", case_.key), raw.median() / ours.median());
    bench::result(fmt::format("grains.{}.per_second", case_.key), count / ours.median());
    bench::result(fmt::format("grains.{}.half_trip_us", case_.key), trip.median() * 1e6 / 2);
    bench::result(fmt::format("grains.{}.half_trip_over_raw_us", case_.key),
                  (trip.median() - raw_trip.median()) * 1e6 / 2);
  }

 private:
  double stream() {
    const Stopwatch watch;
    std::size_t sent = 0, ended = 0;
    while (ended < case_.count) {
      for (; sent < case_.count && sent - ended < std::min<std::size_t>(2 * case_.depth, 4096); ++sent)
        send(initiator_, 2 * index_++, source_);
      unwrap(unwrap(initiator_.wait_result(std::chrono::seconds(60))).result);
      for (++ended; auto result = initiator_.next_result(); ++ended) unwrap(std::move(result->result));
    }
    return watch.seconds();
  }
  Samples round_trips(std::size_t count) {
    Samples samples;
    for (std::size_t i = 0; i < count; ++i) {
      const Stopwatch watch;
      send(initiator_, 2 * index_++ + 1, source_);
      const auto grain = unwrap(back_.read(std::chrono::seconds(60)));
      samples.add(watch.seconds());
      unwrap(back_.release(grain.slot));
      while (initiator_.next_result()) {}
    }
    while (initiator_.pending() != 0) unwrap(unwrap(initiator_.wait_result(std::chrono::seconds(60))).result);
    while (initiator_.next_result()) {}  // none is left over to be counted as one of a stream
    return samples;
  }

  const Case& case_;
  bench::RawSide& raw_;
  const bench::Arguments& arguments_;
  TensorNode node_;
  Ring ring_;
  Target back_;
  Initiator initiator_;
  std::vector<std::byte> source_;
  std::uint64_t index_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse(argc, argv);
  const std::size_t scale = arguments.tiny ? 100 : 1;
  const std::vector<Case> cases{{.key = "64B", .bytes = 64, .count = 50'000 / scale, .depth = 256},
                                {.key = "4KiB", .bytes = 4096, .count = 50'000 / scale, .depth = 256},
                                {.key = "4KiB_4096_out", .bytes = 4096, .count = 50'000 / scale, .depth = 4096},
                                {.key = "1MiB", .bytes = 1 << 20, .count = 200 / scale, .depth = 16}};
  std::deque<bench::RawSide> raw;  // all are forked before the first opens libfabric
  std::deque<bench::Child> children;
  for (const Case& one : cases) {
    raw.emplace_back(one.bytes * one.count);
    children.emplace_back([&one](bench::Talk& talk) { echo(talk, one); });
  }
  for (std::size_t i = 0; i < cases.size(); ++i) Bench(cases[i], children[i], raw[i], arguments).run();
  return 0;
}
