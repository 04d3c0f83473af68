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
#include <weft/nodes/cli/client.hpp>
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

Result<DemoServer> DemoServer::start(const Context& context, const std::filesystem::path& model) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "pipe");
  const Fd reader{ends[0]};
  Fd writer{ends[1]};
  std::string path = model.string();
  // Whatever the environment says of servers: this one is for us.
  std::array<std::string, 8> words{"weft", "serve", "--quiet", "--listen", "127.0.0.1:0", "--allow", "local", "--"};
  std::array<char*, 10> arguments{};
  for (std::size_t at = 0; at < words.size(); ++at) arguments[at] = words[at].data();
  arguments[words.size()] = path.data();
  const pid_t parent = ::getpid();
  const pid_t process = ::fork();
  if (process < 0) return fail_errno(errno, "fork");
  if (process == 0) become_server(arguments.data(), writer.get(), parent);
  DemoServer server(process);
  writer.reset();
  WEFT_TRY(server.read_ticket(context, reader.get()));
  return server;
}

Result<void> DemoServer::read_ticket(const Context& context, int pipe) {
  const auto until = Clock::now() + kReadyWithin;
  std::string text;
  while (text.find('\n') == text.npos) {
    if (Clock::now() >= until)
      return fail(ErrorClass::kDeadlineExceeded, "demo", "the server did not get ready within 20 s");
    std::array<pollfd, 2> waiting{pollfd{pipe, POLLIN, 0}, pollfd{context.signals.fd(), POLLIN, 0}};
    ::poll(waiting.data(), waiting.size(), static_cast<int>(kTick.count()));
    WEFT_TRY(in_time(context));
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
