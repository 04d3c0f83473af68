// Question: what does an idle node with one idle session cost, in percent of a core?
// Usage: bench_idle [--rounds N, of a second, 10 and more] [--tiny]
#include <algorithm>
#include <chrono>
#include <thread>

#include <weft/weft.hpp>
#include <weft/wire/digest.hpp>

#include "bench/arguments.hpp"
#include "bench/samples.hpp"
#include "bench/server.hpp"

int main(int argc, char** argv) {
  using namespace weft;
  const bench::Arguments arguments = bench::parse(argc, argv);
  bench::Server server([](TensorNode& served) {
    const auto bytes = bench::content(4096);
    unwrap(served.put("t", TensorView::bytes({bytes.get(), 4096}), bytes));
  });
  auto node = unwrap(TensorNode::start());
  const auto tensor = unwrap(node.get(server.ticket(), "t").wait());
  const std::chrono::milliseconds nap{arguments.tiny ? 100 : 1000};
  std::this_thread::sleep_for(nap);  // what follows a dial is over
  bench::Samples opener, listener;
  for (int round = 0; round < (arguments.tiny ? 2 : std::max(10, arguments.rounds)); ++round) {
    const double listener_before = server.cpu_seconds();
    const double opener_before = bench::cpu_seconds();
    const bench::Stopwatch watch;
    std::this_thread::sleep_for(nap);
    opener.add((bench::cpu_seconds() - opener_before) / watch.seconds() * 100);
    listener.add((server.cpu_seconds() - listener_before) / watch.seconds() * 100);
  }
  const auto print = [](std::string_view what, const bench::Samples& percent) {
    fmt::print("{:<36} p50 {:>8.4f} %  p99 {:>8.4f}  max {:>8.4f}  mean {:>8.4f}  n {}\n", what, percent.median(),
               percent.p99(), percent.max(), percent.mean(), percent.size());
  };
  print("idle node that dialled", opener);
  print("idle node that was dialled", listener);
  fmt::print("hash {:016x}\n", wire::leaf_of(tensor.bytes()));
  bench::result("idle.percent_of_a_core", std::max(opener.mean(), listener.mean()));
  return 0;
}
