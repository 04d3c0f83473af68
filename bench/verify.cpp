// Question: what does verification cost at 64 MiB, when the sender has the leaves already?
// In turn in one run: pulls that compare every leaf, and pulls that trust the lane's own checks.
// Usage: bench_verify [--lane tcp|tls] [--rounds N] [--tiny]
#include <cstring>

#include <weft/weft.hpp>
#include <weft/wire/digest.hpp>

#include "bench/arguments.hpp"
#include "bench/samples.hpp"
#include "bench/server.hpp"

int main(int argc, char** argv) {
  using namespace weft;
  const bench::Arguments arguments = bench::parse(argc, argv);
  const std::size_t size = arguments.tiny ? (std::size_t{1} << 20) : (std::size_t{64} << 20);
  bench::Server server([&](TensorNode& served) {
    const auto bytes = bench::content(size);
    unwrap(served.put("t", TensorView::bytes({bytes.get(), size}), bytes));
  });
  auto node = unwrap(TensorNode::start());
  const auto memory = std::make_unique_for_overwrite<std::byte[]>(size);
  std::memset(memory.get(), 0, size);
  const auto pull = [&](Verify verify) {
    const bench::Stopwatch watch;
    (void)unwrap(
        node.get(server.ticket(), "t",
                 {.into = MutableTensorView::bytes({memory.get(), size}), .verify = verify, .lane = arguments.lane})
            .wait());
    return watch.seconds();
  };
  pull(Verify::kPieces);  // the rail comes up
  pull(Verify::kPieces);  // the sender has the leaves
  bench::Samples pieces, lane;
  for (int round = 0; round < arguments.rounds * 2; ++round) {
    // Either goes first as often as the other.
    if (round % 2 != 0) lane.add(pull(Verify::kLane));
    pieces.add(pull(Verify::kPieces));
    if (round % 2 == 0) lane.add(pull(Verify::kLane));
  }
  const auto hash = fmt::format("hash {:016x}", wire::leaf_of({memory.get(), size}));
  bench::print("verified, piece by piece", pieces, static_cast<double>(size), hash);
  bench::print("the lane's own checks", lane, static_cast<double>(size), hash);
  bench::result("verify.cost_percent", (pieces.median() / lane.median() - 1) * 100);
  return 0;
}
