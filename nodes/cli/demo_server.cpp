#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>

#include <weft/base/clock.hpp>
#include <weft/nodes/cli/demo_server.hpp>

namespace weft::cli {
namespace {

constexpr std::chrono::seconds kReadyWithin{20};
constexpr std::chrono::seconds kGoneWithin{4};

// Between fork and exec: system calls only.
[[noreturn]] void become_server(char* const* arguments, int pipe, pid_t parent) {
  ::setpgid(0, 0);  // Ctrl-C is for the parent, which ends us
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  ::dup2(pipe, STDOUT_FILENO);
  ::execv("/proc/self/exe", arguments);
  ::_exit(127);
}

bool gone_within(pid_t process, Duration most) {
  const auto until = Clock::now() + most;
  while (::waitpid(process, nullptr, WNOHANG) == 0) {
    if (Clock::now() >= until) return false;
    ::poll(nullptr, 0, 10);
  }
  return true;
}

}  // namespace

Result<DemoServer> DemoServer::start(const std::filesystem::path& model, const Signals& signals) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "pipe");
  const Fd reader{ends[0]};
  Fd writer{ends[1]};
  std::string path = model.string();
  std::array<std::string, 4> words{"weft", "serve", "--quiet", "--"};
  std::array<char*, 6> arguments{words[0].data(), words[1].data(), words[2].data(),
                                 words[3].data(), path.data(),     nullptr};
  const pid_t parent = ::getpid();
  const pid_t process = ::fork();
  if (process < 0) return fail_errno(errno, "fork");
  if (process == 0) become_server(arguments.data(), writer.get(), parent);
  DemoServer server(process);
  writer.reset();
  WEFT_TRY(server.read_ticket(reader.get(), signals));
  return server;
}

Result<void> DemoServer::read_ticket(int pipe, const Signals& signals) {
  const auto until = Clock::now() + kReadyWithin;
  std::string text;
  while (text.find('\n') == text.npos) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return fail(ErrorClass::kDeadlineExceeded, "demo", "the server did not get ready within 20 s");
    std::array<pollfd, 2> waiting{pollfd{pipe, POLLIN, 0}, pollfd{signals.fd(), POLLIN, 0}};
    ::poll(waiting.data(), waiting.size(), static_cast<int>(left));
    if (Signals::caught() != 0) return fail(ErrorClass::kCancelled, "demo", "cancelled");
    if (waiting[0].revents == 0) continue;
    std::array<char, 1024> bytes{};
    const auto got = ::read(pipe, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(ErrorClass::kInternal, "demo", "the server ended before it was ready");
    text.append(bytes.data(), static_cast<std::size_t>(got));
  }
  WEFT_LET(ticket_, Ticket::parse(text));
  return {};
}

DemoServer::~DemoServer() {
  if (process_ < 0) return;
  ::kill(process_, SIGTERM);
  if (gone_within(process_, kGoneWithin)) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

}  // namespace weft::cli
