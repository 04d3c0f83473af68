#pragma once

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <weft/weft.hpp>

/// What the benches of nodes share: a server in a process of its own, arguments, and how figures are printed.
namespace weft::bench {

/// The same bytes for the same size, so that a hash of what arrived says which bytes they were.
inline std::unique_ptr<std::byte[]> content(std::size_t size) {
  auto bytes = std::make_unique_for_overwrite<std::byte[]>(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>((i * 2654435761u) >> 13);
  return bytes;
}

/// A child process that serves what `publish` puts, until this object goes (or this process dies).
class Server {
 public:
  template <class Publish>
  explicit Server(Publish publish) {
    std::array<int, 2> pipe_fds{};
    if (::pipe(pipe_fds.data()) != 0) std::abort();
    child_ = ::fork();
    if (child_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      auto node = weft::unwrap(weft::TensorNode::start());
      publish(node);
      const std::string ticket = node.ticket().to_string();
      if (::write(pipe_fds[1], ticket.data(), ticket.size()) < 0) std::_Exit(1);
      for (;;) ::pause();
    }
    std::array<char, 512> text{};
    const auto got = ::read(pipe_fds[0], text.data(), text.size());
    if (got <= 0) std::abort();
    ticket_.assign(text.data(), static_cast<std::size_t>(got));
    ::close(pipe_fds[0]);
    ::close(pipe_fds[1]);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  const std::string& ticket() const noexcept { return ticket_; }

 private:
  pid_t child_ = -1;
  std::string ticket_;
};

struct Arguments {
  weft::Lane lane = weft::Lane::kAuto;
  int rounds = 15;
  bool tiny = false;
};
/// --lane tcp|tls, --rounds N, --tiny (one short round of everything: run among the tests).
inline Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "--tiny") arguments.tiny = true;
    if (arg == "--lane" && i + 1 < argc) arguments.lane = weft::parse_lane(argv[++i]).value_or(weft::Lane::kAuto);
    if (arg == "--rounds" && i + 1 < argc) arguments.rounds = std::max(1, std::atoi(argv[++i]));
  }
  if (arguments.tiny) arguments.rounds = 2;
  fmt::print("{} processors, lane {}, {} rounds after 2\n", std::thread::hardware_concurrency(),
             weft::to_string(arguments.lane), arguments.rounds);
  return arguments;
}

inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
inline double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Figures {
  double p50 = 0, p99 = 0, max = 0;
};
/// Of a non-empty list.
inline Figures figures(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {.p50 = values[values.size() / 2], .p99 = values[values.size() * 99 / 100], .max = values.back()};
}
inline void print(std::string_view what, std::vector<double> seconds, double bytes, std::uint64_t hash) {
  const Figures f = figures(std::move(seconds));
  fmt::print("{:<40} p50 {:>10.1f} us  p99 {:>10.1f}  max {:>10.1f}  {:>7.3f} GB/s  hash {:016x}\n", what, f.p50 * 1e6,
             f.p99 * 1e6, f.max * 1e6, bytes / f.p50 * 1e-9, hash);
}

}  // namespace weft::bench
