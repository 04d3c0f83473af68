// Question: how long does a 4 KiB pull take while 1 GiB is pulled on the same session, and what does it cost the bulk?
// In turn in one run: the bulk alone; beside a small pull every millisecond; beside small pulls without a pause.
// Usage: bench_latency_under_load [--lane tcp|tls] [--rounds N] [--tiny]
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include <weft/weft.hpp>
#include <weft/wire/digest.hpp>

#include "bench/arguments.hpp"
#include "bench/samples.hpp"
#include "bench/server.hpp"

namespace {

using namespace weft;

/// What a bulk pull and the small ones beside it took.
struct Beside {
  bench::Samples bulk{}, small{};
};

class Bench {
 public:
  Bench(const bench::Server& server, std::size_t size, Lane lane)
      : server_(server), size_(size), lane_(lane), memory_(std::make_unique_for_overwrite<std::byte[]>(size)) {
    std::memset(memory_.get(), 0, size);
    bulk();  // the rail comes up
    small();
  }

  double bulk() {
    const bench::Stopwatch watch;
    (void)unwrap(
        node_.get(server_.ticket(), "bulk", {.into = MutableTensorView::bytes({memory_.get(), size_}), .lane = lane_})
            .wait());
    return watch.seconds();
  }
  void beside(Beside& into, std::chrono::microseconds pause) {
    std::atomic<bool> over{false};
    const std::jthread one([&] {
      into.bulk.add(bulk());
      over = true;
    });
    while (!over) {
      into.small.add(small());
      if (pause.count() > 0) std::this_thread::sleep_for(pause);
    }
  }
  std::uint64_t hash() const { return wire::leaf_of({memory_.get(), size_}); }

 private:
  double small() {
    const bench::Stopwatch watch;
    (void)unwrap(node_.get(server_.ticket(), "small").wait());
    return watch.seconds();
  }

  const bench::Server& server_;
  std::size_t size_;
  Lane lane_;
  std::unique_ptr<std::byte[]> memory_;
  TensorNode node_ = unwrap(TensorNode::start());
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse(argc, argv);
  const std::size_t size = arguments.tiny ? (std::size_t{4} << 20) : (std::size_t{1} << 30);
  const bench::Server server([&](TensorNode& served) {
    const auto bytes = bench::content(size);
    unwrap(served.put("bulk", TensorView::bytes({bytes.get(), size}), bytes));
    unwrap(served.put("small", TensorView::bytes({bytes.get(), 4096}), bytes));
  });
  Bench bench(server, size, arguments.lane);
  bench::Samples alone;
  Beside paced, busy;
  for (int round = 0; round < arguments.rounds; ++round) {
    alone.add(bench.bulk());
    bench.beside(paced, std::chrono::milliseconds{1});
    bench.beside(busy, {});
  }
  const auto bytes = static_cast<double>(size);
  const auto hash = fmt::format("hash {:016x}", bench.hash());
  bench::print("bulk alone", alone, bytes, hash);
  for (const auto& [name, each] : {std::pair{"paced", &paced}, std::pair{"busy", &busy}}) {
    bench::print(fmt::format("bulk beside 4 KiB pulls, {}", name), each->bulk, bytes, hash);
    bench::print(fmt::format("4 KiB pulls beside bulk, {}", name), each->small, 0);
    bench::result(fmt::format("load.{}.small_p99_us", name), each->small.p99() * 1e6);
    bench::result(fmt::format("load.{}.bulk_to_alone", name), alone.median() / each->bulk.median());
  }
  return 0;
}
