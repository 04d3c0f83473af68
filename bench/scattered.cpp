// Question: what does scattering cost: 10 000 blocks of 16 KiB by one pages request, and as 10 000 names in one batch,
// against one contiguous pull of the same bytes? In turn in one run, all into the caller's memory.
// Usage: bench_scattered [--lane tcp|tls] [--rounds N] [--tiny]
#include <cstring>
#include <numeric>

#include <weft/weft.hpp>
#include <weft/wire/digest.hpp>

#include "bench/arguments.hpp"
#include "bench/samples.hpp"
#include "bench/server.hpp"

namespace {

using namespace weft;

constexpr std::size_t kBlock = 16 * 1024;

class Bench {
 public:
  Bench(const bench::Server& server, std::size_t blocks, Lane lane)
      : server_(server),
        blocks_(blocks),
        lane_(lane),
        memory_(std::make_unique_for_overwrite<std::byte[]>(blocks * kBlock)),
        source_(blocks),
        target_(blocks) {
    std::memset(memory_.get(), 0, blocks * kBlock);
    std::iota(target_.begin(), target_.end(), 0u);
    for (std::size_t i = 0; i < blocks; ++i) source_[i] = static_cast<std::uint32_t>((i * 7919) % blocks);
  }

  void contiguous() { (void)unwrap(node_.get(server_.ticket(), "all", {.into = whole(), .lane = lane_}).wait()); }
  void pages() {
    (void)unwrap(node_
                     .get(server_.ticket(), "all",
                          {.pages = {.source = source_, .target = target_}, .into = whole(), .lane = lane_})
                     .wait());
  }
  void names() {
    std::vector<GetItem> items(blocks_);
    for (std::size_t i = 0; i < blocks_; ++i)
      items[i] = {.name = "b" + std::to_string(i),
                  .into = MutableTensorView::bytes({memory_.get() + i * kBlock, kBlock})};
    for (auto& one : unwrap(node_.get_many(server_.ticket(), std::move(items), {.lane = lane_}).wait()))
      (void)unwrap(std::move(one));
  }
  std::uint64_t hash() const { return wire::leaf_of({memory_.get(), blocks_ * kBlock}); }

 private:
  MutableTensorView whole() const {
    return unwrap(MutableTensorView::make({.dtype = DType::kU8, .shape = {static_cast<std::int64_t>(blocks_), kBlock}},
                                          memory_.get()));
  }

  const bench::Server& server_;
  std::size_t blocks_;
  Lane lane_;
  std::unique_ptr<std::byte[]> memory_;
  std::vector<std::uint32_t> source_, target_;
  TensorNode node_ = unwrap(TensorNode::start());
};

/// One of the ways: its times, and the hash of what it brought.
struct Way {
  const char* what;
  void (Bench::*once)();
  bench::Samples seconds{};
  std::uint64_t hash = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse(argc, argv);
  const std::size_t blocks = arguments.tiny ? 100 : 10'000;
  const bench::Server server([&](TensorNode& served) {
    const auto bytes = bench::content(blocks * kBlock);
    const auto rows = static_cast<std::int64_t>(blocks);
    unwrap(served.put("all", unwrap(TensorView::make({.dtype = DType::kU8, .shape = {rows, kBlock}}, bytes.get())),
                      bytes));
    for (std::size_t i = 0; i < blocks; ++i)
      unwrap(served.put("b" + std::to_string(i), TensorView::bytes({bytes.get() + i * kBlock, kBlock}), bytes));
  });
  Bench bench(server, blocks, arguments.lane);
  std::array<Way, 3> ways{Way{"contiguous", &Bench::contiguous}, Way{"pages", &Bench::pages},
                          Way{"names", &Bench::names}};
  for (int round = -2; round < arguments.rounds; ++round)
    for (Way& way : ways) {
      const bench::Stopwatch watch;
      (bench.*way.once)();
      if (round >= 0) way.seconds.add(watch.seconds());
      if (round == 0) way.hash = bench.hash();
    }
  for (const Way& way : ways) {
    bench::print(way.what, way.seconds, static_cast<double>(blocks * kBlock), fmt::format("hash {:016x}", way.hash));
    bench::result(fmt::format("scattered.{}_to_contiguous", way.what), ways[0].seconds.median() / way.seconds.median());
    bench::result(fmt::format("scattered.{}.ms", way.what), way.seconds.median() * 1e3);
  }
  return 0;
}
