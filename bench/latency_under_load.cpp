// Question: how long does a 4 KiB pull take while bulk runs on the same session, and what does it cost the bulk?
// Usage: bench_latency_under_load [--lane tcp|tls] [--rounds N] [--tiny]
#include <atomic>

#include <weft/wire/digest.hpp>

#include "bench/fixture.hpp"

int main(int argc, char** argv) {
  using namespace weft;
  const bench::Arguments arguments = bench::parse(argc, argv);
  const std::size_t bulk = arguments.tiny ? (4u << 20) : (1u << 30);
  const bench::Server server([&](TensorNode& served) {
    for (const std::size_t size : {std::size_t{4096}, bulk}) {
      std::shared_ptr<std::byte[]> bytes = bench::content(size);
      const auto view = TensorView::bytes({bytes.get(), size});
      unwrap(served.put("t" + std::to_string(size), view, std::move(bytes)));
    }
  });
  auto node = unwrap(TensorNode::start());
  auto memory = std::make_unique<std::byte[]>(bulk);
  const std::string name = "t" + std::to_string(bulk);
  const auto pull = [&] {
    const double begin = bench::seconds_now();
    (void)unwrap(node.get(server.ticket(), name,
                          {.into = MutableTensorView::bytes({memory.get(), bulk}), .lane = arguments.lane})
                     .wait());
    return bench::seconds_now() - begin;
  };
  std::vector<double> alone;
  std::vector<double> beside;
  std::vector<double> small;
  pull();
  const int rounds = std::max(1, arguments.rounds / 5);
  for (int round = 0; round < rounds; ++round) {
    alone.push_back(pull());
    std::atomic<bool> over{false};
    std::jthread one([&] {
      beside.push_back(pull());
      over = true;
    });
    while (!over) {
      const double begin = bench::seconds_now();
      (void)unwrap(node.get(server.ticket(), "t4096").wait());
      small.push_back(bench::seconds_now() - begin);
    }
  }
  const std::uint64_t hash = wire::leaf_of({memory.get(), 4096});
  bench::print("bulk alone", alone, static_cast<double>(bulk), hash);
  bench::print("bulk beside 4 KiB pulls", beside, static_cast<double>(bulk), hash);
  bench::print("4 KiB pulls beside bulk", small, 4096, hash);
  return 0;
}
