// Question: how fast are verified pulls between two processes on this host, by size and destination?
// Beside it, in one run: bench/raw_fabric. Usage: bench_pull [--lane tcp|tls] [--rounds N] [--tiny]
#include <cstring>

#include <weft/wire/digest.hpp>

#include "bench/fixture.hpp"

namespace {

using namespace weft;

struct Case {
  const char* what;
  std::size_t bytes;
  std::size_t in_flight;
  bool into;
  bool handle;
};

void run(TensorNode& node, const std::string& ticket, const Case& c, Lane lane, int rounds) {
  const std::string name = "t" + std::to_string(c.bytes);
  std::vector<std::unique_ptr<std::byte[]>> memory;
  for (std::size_t i = 0; i < c.in_flight; ++i) {
    memory.push_back(std::make_unique_for_overwrite<std::byte[]>(c.bytes));
    std::memset(memory.back().get(), 0, c.bytes);
  }
  const auto known = unwrap(node.get(ticket, name).wait());
  std::vector<double> seconds;
  std::uint64_t hash = 0;
  double cpu = 0;
  for (int round = -2; round < rounds; ++round) {
    const double cpu_before = bench::cpu_seconds();
    const double begin = bench::seconds_now();
    std::vector<Future<Tensor>> futures;
    for (std::size_t i = 0; i < c.in_flight; ++i) {
      GetOptions options{.lane = lane};
      if (c.into) options.into = MutableTensorView::bytes({memory[i].get(), c.bytes});
      futures.push_back(c.handle ? node.get(ticket, known, std::move(options))
                                 : node.get(ticket, name, std::move(options)));
    }
    std::vector<Tensor> tensors;
    for (auto& future : futures) tensors.push_back(unwrap(future.wait()));
    const double took = bench::seconds_now() - begin;
    if (round < 0) continue;
    cpu += bench::cpu_seconds() - cpu_before;
    seconds.push_back(took);
    if (round == 0) hash = wire::leaf_of(tensors.back().bytes());
  }
  const double total = static_cast<double>(c.bytes) * static_cast<double>(c.in_flight);
  bench::print(
      fmt::format("{}, {} x {} B, cpu {:.2f} s/GB", c.what, c.in_flight, c.bytes, cpu / (total * rounds) * 1e9),
      seconds, total, hash);
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse(argc, argv);
  const std::size_t scale = arguments.tiny ? 64 : 1;
  const std::vector<std::size_t> sizes{4096, (1u << 20) / scale, (64u << 20) / scale, (256u << 20) / scale};
  const bench::Server server([&](TensorNode& served) {
    for (const std::size_t size : sizes) {
      std::shared_ptr<std::byte[]> bytes = bench::content(size);
      const auto view = TensorView::bytes({bytes.get(), size});
      unwrap(served.put("t" + std::to_string(size), view, std::move(bytes)));
    }
  });
  auto node = unwrap(TensorNode::start());
  const int many = arguments.rounds * (arguments.tiny ? 1 : 200);
  (void)node.get(server.ticket(), "t" + std::to_string(sizes[2])).wait();  // the rail comes up
  run(node, server.ticket(), {"4 KiB by handle", sizes[0], 1, false, true}, arguments.lane, many);
  run(node, server.ticket(), {"4 KiB by name", sizes[0], 1, false, false}, arguments.lane, many);
  run(node, server.ticket(), {"into", sizes[1], 16, true, false}, arguments.lane, arguments.rounds);
  run(node, server.ticket(), {"into", sizes[1], 1, true, false}, arguments.lane, arguments.rounds);
  run(node, server.ticket(), {"into", sizes[2], 1, true, false}, arguments.lane, arguments.rounds);
  run(node, server.ticket(), {"warm pool", sizes[2], 1, false, false}, arguments.lane, arguments.rounds);
  run(node, server.ticket(), {"into", sizes[3], 1, true, false}, arguments.lane, std::max(1, arguments.rounds / 3));
  return 0;
}
