// Question: how long does a 4 KiB pull by handle take, one at a time, against the raw round trip on the same wire?
// In turn in one run: raw 64 B and 4 KiB; pulls whose wait() drives the loop; pulls while the node's own thread drives
// it, seen by then() and by poll(). Usage: bench_round_trip [--lane tcp|tls] [--rounds N] [--tiny]
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <weft/weft.hpp>
#include <weft/wire/digest.hpp>

#include "bench/arguments.hpp"
#include "bench/raw_side.hpp"
#include "bench/samples.hpp"
#include "bench/server.hpp"

namespace {

using namespace weft;
using bench::Samples;
using bench::Stopwatch;

constexpr std::size_t kBytes = 4096;

/// Pulls the same tensor again and again, each pull begun when the one before it has ended.
class Caller {
 public:
  Caller(TensorNode& node, const bench::Server& server, Lane lane)
      : node_(node), peer_(server.ticket()), lane_(lane), known_(unwrap(node_.get(peer_, "t").wait())) {}

  Samples by_wait(std::size_t count) {
    return repeat(count, [&] { return unwrap(begin().wait()); });
  }
  /// The caller looks, and gives the processor away where nothing has come.
  Samples by_poll(std::size_t count) {
    return repeat(count, [&] {
      for (auto future = begin();; std::this_thread::yield())
        if (auto ended = future.poll()) return unwrap(std::move(*ended));
    });
  }
  /// The next pull begins in the callback of the one before it.
  Samples by_then(std::size_t count) {
    Samples samples;
    std::mutex mutex;
    std::condition_variable over;
    bool ended = false;
    std::function<void()> next = [&] {
      const Stopwatch watch;
      begin().then([&, watch](Result<Tensor> tensor) {
        hash_ = wire::leaf_of(unwrap(std::move(tensor)).bytes());
        samples.add(watch.seconds());
        if (samples.size() < count) return next();
        const std::lock_guard lock(mutex);
        ended = true;
        over.notify_one();
      });
    };
    next();
    std::unique_lock lock(mutex);
    over.wait(lock, [&] { return ended; });
    return samples;
  }
  std::uint64_t hash() const { return hash_; }

 private:
  Future<Tensor> begin() { return node_.get(peer_, known_, {.lane = lane_}); }
  template <class Once>
  Samples repeat(std::size_t count, Once&& once) {
    Samples samples;
    for (std::size_t i = 0; i < count; ++i) {
      const Stopwatch watch;
      const Tensor tensor = once();
      samples.add(watch.seconds());
      hash_ = wire::leaf_of(tensor.bytes());
    }
    return samples;
  }

  TensorNode& node_;
  Peer peer_;
  Lane lane_;
  Tensor known_;
  std::uint64_t hash_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse(argc, argv);
  const std::size_t count = arguments.tiny ? 20 : 1000;
  bench::RawSide raw(kBytes);
  const bench::Server server([&](TensorNode& served) {
    const auto bytes = bench::content(kBytes);
    unwrap(served.put("t", TensorView::bytes({bytes.get(), kBytes}), bytes));
  });
  raw.open(1);
  auto node = unwrap(TensorNode::start());
  Caller caller(node, server, arguments.lane);
  Samples raw_64, raw_4096, waited, then, polled;
  for (int round = 0; round < arguments.rounds; ++round) {
    raw_64.add(raw.ping(64, count));
    raw_4096.add(raw.ping(kBytes, count));
    caller.by_wait(count / 10);
    waited.add(caller.by_wait(count));
    caller.by_then(count / 10);
    then.add(caller.by_then(count));
    polled.add(caller.by_poll(count));
  }
  const auto hash = fmt::format("hash {:016x}", caller.hash());
  bench::print("raw round trip, 64 B", raw_64, 0, raw.provider());
  bench::print("raw round trip, 4 KiB", raw_4096, 0, raw.provider());
  bench::print("4 KiB by handle, wait()", waited, 0, hash);
  bench::print("4 KiB by handle, then()", then, 0, hash);
  bench::print("4 KiB by handle, poll()", polled, 0, hash);
  bench::result("round_trip.wait.us", waited.median() * 1e6);
  bench::result("round_trip.then.us", then.median() * 1e6);
  bench::result("round_trip.poll.us", polled.median() * 1e6);
  for (const auto& [name, base] : {std::pair{"raw_64", &raw_64}, std::pair{"raw_4096", &raw_4096}}) {
    bench::result(fmt::format("round_trip.wait_to_{}", name), waited.median() / base->median());
    bench::result(fmt::format("round_trip.then_to_{}", name), then.median() / base->median());
    bench::result(fmt::format("round_trip.poll_to_{}", name), polled.median() / base->median());
  }
  return 0;
}
