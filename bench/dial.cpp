// Question: how long from a fresh node to its first 4 KiB: dial, TLS, hello, pull?
// Usage: bench_dial [--rounds N] [--tiny]
#include <weft/weft.hpp>
#include <weft/wire/digest.hpp>

#include "bench/arguments.hpp"
#include "bench/samples.hpp"
#include "bench/server.hpp"

int main(int argc, char** argv) {
  using namespace weft;
  const bench::Arguments arguments = bench::parse(argc, argv);
  const bench::Server server([](TensorNode& served) {
    const auto bytes = bench::content(4096);
    unwrap(served.put("t", TensorView::bytes({bytes.get(), 4096}), bytes));
  });
  bench::Samples seconds;
  std::uint64_t hash = 0;
  for (int round = -2; round < arguments.rounds; ++round) {
    auto node = unwrap(TensorNode::start());
    const bench::Stopwatch watch;
    const auto tensor = unwrap(node.get(server.ticket(), "t").wait());
    if (round >= 0) seconds.add(watch.seconds());
    hash = wire::leaf_of(tensor.bytes());
  }
  bench::print("dial, TLS, first 4 KiB", seconds, 0, fmt::format("hash {:016x}", hash));
  bench::result("dial.ms", seconds.median() * 1e3);
  return 0;
}
