// Question: how fast do grains of 1 MiB reach 1, 2, 4 and 8 targets, against bare writes to as many peers one after the
// other; what does a target that is stopped cost the others; and how long after a target's end does its successor, on
// the same address and with the same identity, take grains again? In turn in one run.
// Usage: bench_fan_out [--lane tcp|tls] [--rounds N] [--tiny]
#include <unistd.h>

#include <chrono>
#include <deque>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

#include <weft/weft.hpp>

#include "bench/arguments.hpp"
#include "bench/raw_side.hpp"
#include "bench/samples.hpp"
#include "bench/stopwatch.hpp"

namespace {

using namespace weft;
using namespace std::chrono_literals;
using bench::Samples;
using bench::Stopwatch;

constexpr std::size_t kBytes = 1 << 20;
constexpr std::size_t kSlots = 16;

/// Opens a ring when told where, and takes what comes.
void take(bench::Talk& talk) {
  const std::string listen = talk.hear();
  const std::string identity = talk.hear();
  NodeOptions options;
  if (!listen.empty()) options.listen = {listen};
  options.identity = identity;
  auto node = unwrap(TensorNode::start(std::move(options)));
  std::vector<std::byte> memory(kBytes * kSlots);
  TargetOptions ring;
  for (std::size_t i = 0; i < kSlots; ++i) ring.slots.push_back(std::span(memory).subspan(i * kBytes, kBytes));
  auto target = unwrap(node.open_target(std::move(ring)));
  talk.say(target.info().to_string());
  for (;;) {
    const auto grain = target.read(1h);
    if (!grain) return;
    unwrap(target.release(grain->slot));
  }
}

std::string open_ring(bench::Child& child, const std::string& listen = {}, const std::string& identity = {}) {
  child.say(listen);
  return child.ask(identity);
}

void until_connected(Initiator& initiator, std::size_t target) {
  while (initiator.link(target) != TargetLink::kConnected) std::this_thread::sleep_for(1ms);
}

class FanOut {
 public:
  explicit FanOut(const bench::Arguments& arguments)
      : grains_(arguments.tiny ? 4 : 64),
        node_(unwrap(TensorNode::start())),
        initiator_(unwrap(node_.open_initiator({.queue = 4096, .lane = arguments.lane}))) {}

  std::size_t grains() const { return grains_; }
  Initiator& initiator() { return initiator_; }
  void add(const std::string& info) {
    until_connected(initiator_, unwrap(initiator_.add_target(unwrap(TargetInfo::parse(info)))));
    ++targets_;
  }
  /// Seconds until every target below `counted` has them all.
  double send(std::size_t counted) {
    const std::span<const std::byte> part(source_);
    const Stopwatch watch;
    std::vector<std::size_t> ended(targets_);
    for (std::size_t sent = 0;;) {
      std::size_t least = grains_;
      for (std::size_t i = 0; i < counted; ++i) least = std::min(least, ended[i]);
      if (least == grains_) return watch.seconds();
      for (; sent < grains_ && sent - least < 2 * kSlots; ++sent)
        unwrap(initiator_.send(index_++, std::span(&part, 1)));
      note(unwrap(initiator_.wait_result(60s)), counted, ended);
      while (auto result = initiator_.next_result()) note(std::move(*result), counted, ended);
    }
  }
  /// Results of a target that was not counted.
  void drain() {
    while (initiator_.pending() != 0) (void)unwrap(initiator_.wait_result(60s));
    while (initiator_.next_result()) {}
  }

 private:
  static void note(GrainResult result, std::size_t counted, std::vector<std::size_t>& ended) {
    if (result.target < counted) unwrap(std::move(result.result));
    ++ended[result.target];
  }

  std::size_t grains_;
  TensorNode node_;
  Initiator initiator_;
  std::vector<std::byte> source_ = std::vector<std::byte>(kBytes, std::byte{7});
  std::size_t targets_ = 0;
  std::uint64_t index_ = 0;
};

void print(const std::string& key, const Samples& raw, const Samples& ours, double bytes) {
  bench::print(key + " raw, one after the other", raw, bytes);
  bench::print(key + " grains", ours, bytes);
  bench::result("fan_out." + key + ".to_raw", raw.median() / ours.median());
}

/// From the end of a target's process to the first grain that its successor has.
void restarts(bench::Child& first, std::deque<bench::Child>& successors, const bench::Arguments& arguments) {
  const auto identity = std::filesystem::temp_directory_path() / ("weft_fan_out_" + std::to_string(::getpid()));
  const std::string info = open_ring(first, "", identity.string());
  const std::string listen = unwrap(TargetInfo::parse(info)).ticket.addresses.front();
  FanOut fan_out(arguments);
  fan_out.add(info);
  const std::vector<std::byte> source(kBytes, std::byte{7});
  const std::span<const std::byte> part(source);
  Samples seconds;
  bench::Child* living = &first;
  for (bench::Child& next : successors) {
    living->end();
    (void)open_ring(next, listen, identity.string());
    living = &next;
    const Stopwatch watch;
    for (std::uint64_t index = 0;;) {
      if (!fan_out.initiator().send(index++, std::span(&part, 1))) {
        std::this_thread::sleep_for(1ms);  // no link yet
        continue;
      }
      if (unwrap(fan_out.initiator().wait_result(60s)).result) break;
    }
    seconds.add(watch.seconds());
    fan_out.drain();
  }
  std::filesystem::remove(identity);
  bench::print("first grain after a restart", seconds, 0);
  bench::result("fan_out.restart_ms", seconds.max() * 1e3);
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse(argc, argv);
  const std::vector<std::size_t> widths =
      arguments.tiny ? std::vector<std::size_t>{1, 2} : std::vector<std::size_t>{1, 2, 4, 8};
  const std::size_t footprint = kBytes * (arguments.tiny ? 4 : 64);
  std::deque<bench::RawSide> raw;  // all are forked before the first opens libfabric
  std::deque<bench::Child> children, successors;
  for (std::size_t i = 0; i < widths.back(); ++i) {
    raw.emplace_back(footprint);
    children.emplace_back(take);
  }
  bench::Child first(take);
  for (int i = 0; i < (arguments.tiny ? 1 : 5); ++i) successors.emplace_back(take);

  FanOut fan_out(arguments);
  const fabric::RawShape shape{.piece_bytes = kBytes, .window = kSlots};
  std::size_t open = 0;
  for (const std::size_t width : widths) {
    Samples bare, ours, stopped;
    for (; open < width; ++open) {
      raw[open].open(1);
      fan_out.add(open_ring(children[open]));
    }
    (void)fan_out.send(width);
    for (int round = 0; round < arguments.rounds; ++round) {
      double sum = 0;
      for (std::size_t i = 0; i < width; ++i) sum += raw[i].write(shape);
      bare.add(sum);
      ours.add(fan_out.send(width));
    }
    print(std::to_string(width), bare, ours, static_cast<double>(footprint * width));
  }
  // The last one stands still for less than it takes to be given up; the others' time, with it and while it stands.
  Samples all, others;
  const std::size_t width = widths.back();
  for (int round = 0; round < arguments.rounds; ++round) {
    all.add(fan_out.send(width - 1));
    fan_out.drain();
    children[width - 1].halt();
    others.add(fan_out.send(width - 1));
    children[width - 1].go_on();
    fan_out.drain();
  }
  bench::print("the others, all running", all, static_cast<double>(footprint * (width - 1)));
  bench::print("the others, one stopped", others, static_cast<double>(footprint * (width - 1)));
  bench::result("fan_out.stopped_cost_percent", (others.median() / all.median() - 1) * 100);
  restarts(first, successors, arguments);
  return 0;
}
