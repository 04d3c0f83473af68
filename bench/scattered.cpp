// Question: what does scattering cost: 10 000 blocks of 16 KiB by one pages request, and as 10 000 names in one batch,
// against one contiguous pull of the same bytes? Usage: bench_scattered [--lane tcp|tls] [--rounds N] [--tiny]
#include <cstring>
#include <numeric>

#include <weft/wire/digest.hpp>

#include "bench/fixture.hpp"

int main(int argc, char** argv) {
  using namespace weft;
  const bench::Arguments arguments = bench::parse(argc, argv);
  const std::size_t blocks = arguments.tiny ? 100 : 10'000;
  constexpr std::size_t kBlock = 16 * 1024;
  const std::size_t total = blocks * kBlock;
  const auto count = static_cast<std::int64_t>(blocks);
  const bench::Server server([&](TensorNode& served) {
    std::shared_ptr<std::byte[]> bytes = bench::content(total);
    unwrap(served.put("all", unwrap(TensorView::make({.dtype = DType::kU8, .shape = {count, kBlock}}, bytes.get())),
                      bytes));
    for (std::size_t i = 0; i < blocks; ++i)
      unwrap(served.put("b" + std::to_string(i), TensorView::bytes({bytes.get() + i * kBlock, kBlock}), bytes));
  });
  auto node = unwrap(TensorNode::start());
  auto memory = std::make_unique<std::byte[]>(total);
  const auto into = unwrap(MutableTensorView::make({.dtype = DType::kU8, .shape = {count, kBlock}}, memory.get()));
  std::vector<std::uint32_t> source(blocks);
  std::vector<std::uint32_t> target(blocks);
  std::iota(target.begin(), target.end(), 0u);
  for (std::size_t i = 0; i < blocks; ++i) source[i] = static_cast<std::uint32_t>((i * 7919) % blocks);
  std::vector<GetItem> names(blocks);
  for (std::size_t i = 0; i < blocks; ++i) names[i].name = "b" + std::to_string(i);
  const auto measure = [&](std::string_view what, auto&& once) {
    std::vector<double> seconds;
    std::uint64_t hash = 0;
    for (int round = -2; round < arguments.rounds; ++round) {
      const double begin = bench::seconds_now();
      hash = once();
      if (round >= 0) seconds.push_back(bench::seconds_now() - begin);
    }
    bench::print(what, seconds, static_cast<double>(total), hash);
  };
  measure("contiguous", [&] {
    (void)unwrap(node.get(server.ticket(), "all", {.into = into, .lane = arguments.lane}).wait());
    return wire::leaf_of({memory.get(), kBlock});
  });
  measure("pages, one request", [&] {
    (void)unwrap(node.get(server.ticket(), "all",
                          {.pages = {.source = source, .target = target}, .into = into, .lane = arguments.lane})
                     .wait());
    return wire::leaf_of({memory.get(), kBlock});
  });
  measure("names, one get_many", [&] {
    const auto all = unwrap(node.get_many(server.ticket(), names, {.lane = arguments.lane}).wait());
    return all.front() ? wire::leaf_of(all.front()->bytes()) : 0;
  });
  return 0;
}
