// Question: how fast are verified pulls between two processes on this host, by size, lane and destination?
// Prints machine, parameters, and for each case p50, p99, max in µs and GB/s (10^9) of the median, with a hash of the bytes.
// usage: bench_pull [--lane tcp|tls] [--rounds N] [--tiny]
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include <weft/weft.hpp>
#include <weft/wire/digest.hpp>

namespace {

using namespace std::chrono_literals;

struct Case {
  const char* what;
  std::size_t bytes;
  std::size_t in_flight;
  bool into;
  bool handle;
};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// The child: serves one tensor per size until its parent goes.
[[noreturn]] void serve(int ticket_pipe, const std::vector<std::size_t>& sizes) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto node = weft::unwrap(weft::TensorNode::start());
  std::vector<std::unique_ptr<std::byte[]>> memory;
  for (const std::size_t size : sizes) {
    memory.push_back(std::make_unique_for_overwrite<std::byte[]>(size));
    for (std::size_t i = 0; i < size; ++i) memory.back()[i] = static_cast<std::byte>((i * 2654435761u) >> 13);
    weft::unwrap(node.put("t" + std::to_string(size), weft::TensorView::bytes({memory.back().get(), size}), nullptr));
  }
  const std::string ticket = node.ticket().to_string() + "\n";
  if (::write(ticket_pipe, ticket.data(), ticket.size()) < 0) std::_Exit(1);
  for (;;) ::pause();
}

void run(weft::TensorNode& node, const std::string& ticket, const Case& c, weft::Lane lane, int rounds) {
  const std::string name = "t" + std::to_string(c.bytes);
  std::vector<std::unique_ptr<std::byte[]>> memory;
  for (std::size_t i = 0; i < c.in_flight; ++i) {
    memory.push_back(std::make_unique_for_overwrite<std::byte[]>(c.bytes));
    std::memset(memory.back().get(), 0, c.bytes);
  }
  const auto known = weft::unwrap(node.get(ticket, name).wait());
  std::vector<double> micros;
  std::uint64_t hash = 0;
  const double cpu_before = cpu_seconds();
  for (int round = -2; round < rounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    std::vector<weft::Future<weft::Tensor>> futures;
    for (std::size_t i = 0; i < c.in_flight; ++i) {
      weft::GetOptions options{.lane = lane};
      if (c.into) options.into = weft::MutableTensorView::bytes({memory[i].get(), c.bytes});
      futures.push_back(c.handle ? node.get(ticket, known, std::move(options)) : node.get(ticket, name, std::move(options)));
    }
    std::vector<weft::Tensor> tensors;
    for (auto& future : futures) tensors.push_back(weft::unwrap(future.wait()));
    const auto took = std::chrono::steady_clock::now() - begin;
    hash = weft::wire::leaf_of(tensors.back().bytes());
    if (round >= 0) micros.push_back(std::chrono::duration<double, std::micro>(took).count());
  }
  const double cpu = cpu_seconds() - cpu_before;
  std::sort(micros.begin(), micros.end());
  const double p50 = micros[micros.size() / 2];
  const double total = static_cast<double>(c.bytes) * static_cast<double>(c.in_flight);
  fmt::print("{:<28} {:>4} x {:>10} B  p50 {:>10.1f} us  p99 {:>10.1f}  max {:>10.1f}  {:>7.3f} GB/s  cpu {:.2f} s/GB here  hash {:016x}\n", c.what,
             c.in_flight, c.bytes, p50, micros[micros.size() * 99 / 100], micros.back(), total / p50 * 1e-3,
             cpu / (total * (rounds + 2)) * 1e9, hash);
}

}  // namespace

int main(int argc, char** argv) {
  weft::Lane lane = weft::Lane::kAuto;
  int rounds = 30;
  bool tiny = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "--tiny") tiny = true;
    if (arg == "--lane" && i + 1 < argc) lane = weft::parse_lane(argv[++i]).value_or(weft::Lane::kAuto);
    if (arg == "--rounds" && i + 1 < argc) rounds = std::max(1, std::atoi(argv[++i]));
  }
  const std::size_t scale = tiny ? 64 : 1;
  const std::vector<std::size_t> sizes{4096, (1u << 20) / scale * (tiny ? 1 : 1), (64u << 20) / scale, (256u << 20) / scale};
  std::array<int, 2> pipe_fds{};
  if (::pipe(pipe_fds.data()) != 0) return 1;
  const pid_t child = ::fork();
  if (child == 0) serve(pipe_fds[1], sizes);
  std::string ticket(512, '\0');
  const auto got = ::read(pipe_fds[0], ticket.data(), ticket.size());
  if (got <= 0) return 1;
  ticket.resize(static_cast<std::size_t>(got) - 1);

  auto node = weft::unwrap(weft::TensorNode::start());
  fmt::print("{} processors, lane {}, {} rounds after 2\n", std::thread::hardware_concurrency(), weft::to_string(lane), rounds);
  if (!tiny && lane != weft::Lane::kTls) (void)node.get(ticket, "t" + std::to_string(sizes[2])).wait();  // the rail comes up
  run(node, ticket, {"4 KiB by handle", sizes[0], 1, false, true}, lane, rounds * 100);
  run(node, ticket, {"4 KiB by name", sizes[0], 1, false, false}, lane, rounds * 100);
  run(node, ticket, {"1 MiB into, 16 in flight", sizes[1], 16, true, false}, lane, rounds);
  run(node, ticket, {"1 MiB into", sizes[1], 1, true, false}, lane, rounds);
  run(node, ticket, {"64 MiB into", sizes[2], 1, true, false}, lane, rounds);
  run(node, ticket, {"64 MiB warm pool", sizes[2], 1, false, false}, lane, rounds);
  run(node, ticket, {"256 MiB into", sizes[3], 1, true, false}, lane, std::max(1, rounds / 3));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return 0;
}
