// Question: how long from a fresh node to its first 4 KiB: dial, TLS, hello, pull?
// Usage: bench_dial [--rounds N] [--tiny]
#include <weft/wire/digest.hpp>

#include "bench/fixture.hpp"

int main(int argc, char** argv) {
  using namespace weft;
  const bench::Arguments arguments = bench::parse(argc, argv);
  const bench::Server server([&](TensorNode& served) {
    std::shared_ptr<std::byte[]> bytes = bench::content(4096);
    const auto view = TensorView::bytes({bytes.get(), 4096});
    unwrap(served.put("t", view, std::move(bytes)));
  });
  std::vector<double> seconds;
  std::uint64_t hash = 0;
  for (int round = -2; round < arguments.rounds; ++round) {
    auto node = unwrap(TensorNode::start());
    const double begin = bench::seconds_now();
    const auto tensor = unwrap(node.get(server.ticket(), "t").wait());
    if (round >= 0) seconds.push_back(bench::seconds_now() - begin);
    hash = wire::leaf_of(tensor.bytes());
  }
  bench::print("dial, TLS, first 4 KiB", seconds, 4096, hash);
  return 0;
}
