// The C++ side of bench/python/get.py: pulls what it is told to, by the same node for as long as it runs, and prints
// how long each pull took. Usage: bench_puller TICKET; each line of stdin, "NAME COUNT into|pool", is answered by a
// line of seconds.
#include <cstdio>
#include <iostream>
#include <memory>
#include <sstream>
#include <unordered_map>

#include <fmt/format.h>

#include <weft/weft.hpp>

#include "bench/stopwatch.hpp"

namespace {

using namespace weft;

/// The buffers it pulls into, one for each name, warm from the second pull on.
class Puller {
 public:
  explicit Puller(const char* ticket) : node_(unwrap(TensorNode::start())), peer_(std::string(ticket)) {
    for (const Entry& entry : unwrap(node_.list(peer_).wait())) {
      auto& buffer = buffers_[entry.name];
      buffer = std::make_unique_for_overwrite<std::byte[]>(entry.bytes);
      into_.emplace(entry.name, unwrap(MutableTensorView::make(entry.meta, buffer.get())));
    }
  }
  double pull(const std::string& name, bool into) {
    GetOptions options;
    if (into) options.into = into_.at(name);
    const bench::Stopwatch watch;
    const Tensor tensor = unwrap(node_.get(peer_, name, std::move(options)).wait());
    return watch.seconds();
  }

 private:
  TensorNode node_;
  Peer peer_;
  std::unordered_map<std::string, std::unique_ptr<std::byte[]>> buffers_;
  std::unordered_map<std::string, MutableTensorView> into_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: {} TICKET\n", argv[0]);
    return 2;
  }
  Puller puller(argv[1]);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string name, where;
    int count = 0;
    words >> name >> count >> where;
    for (int i = 0; i < count; ++i) fmt::print("{:.9f} ", puller.pull(name, where == "into"));
    fmt::print("\n");
    std::fflush(stdout);
  }
}
