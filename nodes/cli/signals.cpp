#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include <weft/nodes/cli/signals.hpp>

namespace weft::cli {
namespace {

// A signal handler can be handed nothing: these two belong to the process, as the signals do.
std::atomic<int> first_caught{0};
std::atomic<int> bell{-1};
static_assert(std::atomic<int>::is_always_lock_free);

void on_signal(int number) {
  const int saved = errno;
  int none = 0;
  if (!first_caught.compare_exchange_strong(none, number)) ::_exit(128 + number);
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto rung = ::write(bell.load(), &one, sizeof one);
  errno = saved;
}

sigset_t ours() {
  sigset_t set{};
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

Result<Signals> Signals::install() {
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return fail_errno(errno, "eventfd");
  bell.store(fd);
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  action.sa_mask = ours();
  for (const int number : {SIGINT, SIGTERM})
    if (::sigaction(number, &action, nullptr) != 0) return fail_errno(errno, "sigaction");
  // A closed pipe and a file size limit are errors of the call that met them.
  action.sa_handler = SIG_IGN;
  for (const int number : {SIGPIPE, SIGXFSZ})
    if (::sigaction(number, &action, nullptr) != 0) return fail_errno(errno, "sigaction");
  return Signals{fd};
}

int Signals::caught() noexcept { return first_caught.load(); }

void Signals::wait() const {
  pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
  while (caught() == 0) ::poll(&waiting, 1, -1);
}

int exit_after_signal() noexcept { return Signals::caught() == SIGINT ? 128 + SIGINT : 0; }

Signals::Shield::Shield() noexcept {
  const sigset_t set = ours();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Signals::Shield::~Shield() {
  const sigset_t set = ours();
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace weft::cli
