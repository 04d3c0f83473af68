// Question: how fast are verified pulls between two processes of this host, against bare libfabric moving as many
// bytes? In turn in one run: a pull into the caller's memory, one into a warm pool, one by a fresh node whose pool is
// cold, and the best of nine ways to post raw writes. Usage: bench_pull [--lane tcp|tls] [--rounds N] [--tiny]
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include <weft/weft.hpp>
#include <weft/wire/digest.hpp>

#include "bench/arguments.hpp"
#include "bench/raw_side.hpp"
#include "bench/samples.hpp"
#include "bench/server.hpp"

namespace {

using namespace weft;
using bench::RawSide;
using bench::Samples;
using bench::Server;

/// So many tensors of one size, pulled at the same time.
struct Case {
  const char* key;
  std::size_t bytes = 0;
  std::size_t in_flight = 1;
  bool pooled = false;  ///< also into landings of the pool, warm and cold
  std::size_t total() const { return bytes * in_flight; }
  std::string name(std::size_t index) const { return fmt::format("{}.{}", key, index); }
};

enum class Into { kCaller, kPool };

/// What one way of pulling took.
struct Way {
  Samples seconds{};
  double client_cpu = 0, server_cpu = 0;
  std::uint64_t hash = 0;
  Lane lane = Lane::kAuto;
};

class Bench {
 public:
  Bench(const Case& measured, Server& server, RawSide& raw, const bench::Arguments& arguments)
      : case_(measured),
        server_(server),
        raw_(raw),
        arguments_(arguments),
        memory_(std::make_unique_for_overwrite<std::byte[]>(measured.total())) {
    std::memset(memory_.get(), 0, measured.total());
  }

  void run() {
    raw_.open(arguments_.tiny ? 1 : 5);
    auto node = unwrap(TensorNode::start());
    pull(node, Into::kCaller);  // the session and its rail come up
    for (int round = 0; round < arguments_.rounds; ++round) {
      raw_seconds_.add(raw_.write());
      measure(into_, node, Into::kCaller, true);
      if (!case_.pooled) continue;
      measure(warm_, node, Into::kPool, true);
      auto fresh = unwrap(TensorNode::start());
      pull(fresh, Into::kCaller);  // its rail too; its pool stays as it is
      measure(cold_, fresh, Into::kPool, false);
    }
    const double raw_cpu = raw_.cpu_of_writes() / (bytes() * 1e-9 * static_cast<double>(raw_seconds_.size()));
    bench::print(fmt::format("{} raw libfabric", case_.key), raw_seconds_, bytes(),
                 fmt::format("cpu {:.2f} s/GB  {}", raw_cpu, raw_.shape()));
    bench::result(fmt::format("pull.{}.raw.cpu", case_.key), raw_cpu);
    print("into", into_);
    bench::result(fmt::format("pull.{}.into_to_raw", case_.key), raw_seconds_.median() / into_.seconds.median());
    if (!case_.pooled) return;
    print("warm", warm_);
    print("cold", cold_);
    bench::result(fmt::format("pull.{}.warm_to_into", case_.key), into_.seconds.median() / warm_.seconds.median());
    bench::result(fmt::format("pull.{}.cold_to_raw", case_.key), raw_seconds_.median() / cold_.seconds.median());
  }

 private:
  std::vector<Tensor> pull(TensorNode& node, Into into) {
    std::vector<Future<Tensor>> futures;
    futures.reserve(case_.in_flight);
    for (std::size_t i = 0; i < case_.in_flight; ++i) {
      GetOptions options{.lane = arguments_.lane};
      if (into == Into::kCaller)
        options.into = MutableTensorView::bytes({memory_.get() + i * case_.bytes, case_.bytes});
      futures.push_back(node.get(server_.ticket(), case_.name(i), std::move(options)));
    }
    std::vector<Tensor> tensors;
    tensors.reserve(case_.in_flight);
    for (auto& future : futures) tensors.push_back(unwrap(future.wait()));
    return tensors;
  }
  void measure(Way& way, TensorNode& node, Into into, bool warmed_up) {
    if (warmed_up) pull(node, into);
    const double server_before = server_.cpu_seconds();
    const double client_before = bench::cpu_seconds();
    const bench::Stopwatch watch;
    const std::vector<Tensor> tensors = pull(node, into);
    way.seconds.add(watch.seconds());
    way.client_cpu += bench::cpu_seconds() - client_before;
    way.server_cpu += server_.cpu_seconds() - server_before;
    way.lane = tensors.back().lane();
    if (way.seconds.size() == 1) way.hash = wire::leaf_of(tensors.back().bytes());
  }
  void print(std::string_view what, const Way& way) {
    const double gigabytes = bytes() * 1e-9 * static_cast<double>(way.seconds.size());
    const double client = way.client_cpu / gigabytes;
    const double server = way.server_cpu / gigabytes;
    bench::print(fmt::format("{} {}", case_.key, what), way.seconds, bytes(),
                 fmt::format("cpu {:.2f} s/GB (client {:.2f}, server {:.2f})  {}  hash {:016x}", client + server,
                             client, server, to_string(way.lane), way.hash));
    bench::result(fmt::format("pull.{}.{}.gbps", case_.key, what), bytes() / way.seconds.median() * 1e-9);
    bench::result(fmt::format("pull.{}.{}.cpu", case_.key, what), client + server);
  }
  double bytes() const { return static_cast<double>(case_.total()); }

  const Case& case_;
  Server& server_;
  RawSide& raw_;
  const bench::Arguments& arguments_;
  std::unique_ptr<std::byte[]> memory_;
  Samples raw_seconds_{};
  Way into_{}, warm_{}, cold_{};
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse(argc, argv);
  const std::size_t scale = arguments.tiny ? 64 : 1;
  const std::vector<Case> cases{{.key = "1MiB_x16", .bytes = (std::size_t{1} << 20) / scale, .in_flight = 16},
                                {.key = "64MiB", .bytes = (std::size_t{64} << 20) / scale, .pooled = true},
                                {.key = "1GiB", .bytes = (std::size_t{1} << 30) / scale, .pooled = true}};
  std::deque<RawSide> raw;  // all are forked before the first opens libfabric
  for (const Case& one : cases) raw.emplace_back(one.total());
  Server server([&](TensorNode& served) {
    for (const Case& one : cases) {
      const auto bytes = bench::content(one.total());
      for (std::size_t i = 0; i < one.in_flight; ++i)
        unwrap(served.put(one.name(i), TensorView::bytes({bytes.get() + i * one.bytes, one.bytes}), bytes));
    }
  });
  for (const Case& one : cases) {
    Bench(one, server, raw.front(), arguments).run();
    raw.pop_front();  // and its memory with it
  }
  return 0;
}
