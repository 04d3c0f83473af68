// How fast is libfabric itself here? Writes with immediate data between two processes over loopback, the best of nine
// shapes, and round trips of 64 bytes and 4 KiB. The ceiling that Weft's own figures are shown against.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#include <weft/base/text.hpp>
#include <weft/fabric/raw_probe.hpp>

using namespace weft;
using namespace weft::fabric;

namespace {

TimePoint deadline() { return Clock::now() + std::chrono::minutes{5}; }

int serve(const std::string& provider, std::size_t footprint, int to_parent) {
  RawPeer peer = unwrap(RawPeer::open(provider, footprint));
  const std::string address = unwrap(peer.listen());
  if (write(to_parent, address.c_str(), address.size() + 1) < 0) return 1;
  unwrap(peer.serve(deadline()));
  return 0;
}

void print_ping(RawPeer& peer, std::size_t bytes, std::size_t count) {
  unwrap(peer.ping(bytes, count / 10 + 1, deadline()));
  auto times = unwrap(peer.ping(bytes, count, deadline()));
  std::ranges::sort(times);
  const auto at = [&](double share) {
    const auto index = static_cast<std::size_t>(share * static_cast<double>(times.size() - 1));
    return static_cast<double>(times[index].count()) / 1000;
  };
  fmt::print("  round trip {:>5} B   p50 {:.2f} us   p99 {:.2f} us   max {:.2f} us\n", bytes, at(0.5), at(0.99), at(1));
}

int drive(const std::string& provider, std::size_t footprint, std::size_t rounds, const std::string& address) {
  RawPeer peer = unwrap(RawPeer::open(provider, footprint));
  unwrap(peer.dial(address, deadline()));
  const RawBest best = unwrap(peer.best(rounds, deadline()));
  fmt::print("raw libfabric {}: {} written whole, best of 9 shapes, median of {}\n", provider, human_bytes(footprint),
             rounds);
  fmt::print("  {}   pieces of {}, {} posted\n", human_rate(best.bytes_per_second), human_bytes(best.shape.piece_bytes),
             best.shape.window);
  print_ping(peer, 64, rounds * 1000);
  print_ping(peer, 4096, rounds * 1000);
  return 0;
}

}  // namespace

/// raw_fabric [PROVIDER = net] [MiB = 64] [ROUNDS = 7]
int main(int argc, char** argv) {
  const std::string provider = argc > 1 ? argv[1] : "net";
  const std::size_t footprint = (argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 64) << 20;
  const std::size_t rounds = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 7;
  if (footprint == 0 || rounds == 0) {
    fmt::print(stderr, "usage: raw_fabric [PROVIDER] [MiB] [ROUNDS]\n");
    return 2;
  }
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return 1;
  // Forked before libfabric is opened: it does not survive a fork.
  const pid_t child = fork();
  if (child == 0) return serve(provider, footprint, ends[1]);
  close(ends[1]);
  std::array<char, 128> address{};
  if (read(ends[0], address.data(), address.size() - 1) <= 0) return 1;
  const int code = drive(provider, footprint, rounds, address.data());
  int status = 0;
  waitpid(child, &status, 0);
  return code != 0 ? code : status;
}
