// Question: how fast is libfabric itself here? Writes with immediate data between two processes over loopback, the best
// of nine shapes, and round trips of 64 bytes and 4 KiB: the ceiling that Weft's own figures are shown against.
// Usage: bench_raw_fabric [--rounds N] [--tiny]
#include <weft/base/text.hpp>

#include "bench/arguments.hpp"
#include "bench/raw_side.hpp"
#include "bench/samples.hpp"

int main(int argc, char** argv) {
  using namespace weft;
  const bench::Arguments arguments = bench::parse(argc, argv);
  const std::size_t footprint = arguments.tiny ? (std::size_t{1} << 20) : (std::size_t{64} << 20);
  bench::RawSide raw(footprint);
  raw.open(arguments.tiny ? 1 : 5);
  bench::Samples written, small, large;
  for (int round = 0; round < arguments.rounds; ++round) {
    written.add(raw.write());
    small.add(raw.ping(64, arguments.tiny ? 20 : 1000));
    large.add(raw.ping(4096, arguments.tiny ? 20 : 1000));
  }
  bench::print(human_bytes(footprint) + " written whole", written, static_cast<double>(footprint), raw.shape());
  bench::print("round trip, 64 B", small, 0, raw.provider());
  bench::print("round trip, 4 KiB", large, 0, raw.provider());
  bench::result("raw.gbps", static_cast<double>(footprint) / written.median() * 1e-9);
  bench::result("raw.round_trip_64.us", small.median() * 1e6);
  bench::result("raw.round_trip_4096.us", large.median() * 1e6);
  return 0;
}
