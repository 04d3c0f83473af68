#include <weft/stream/poller.hpp>

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace weft::stream {
namespace {

constexpr std::size_t kMaxReady = 64;

epoll_event event_of(Poller::Interest interest, std::uint64_t id) {
  epoll_event event{};
  if (interest == Poller::Interest::kRead) event.events = EPOLLIN;
  if (interest == Poller::Interest::kWrite) event.events = EPOLLOUT;
  event.data.u64 = id;
  return event;
}

}  // namespace

Poller::Poller(Fd fd) : fd_(std::move(fd)) {}

Result<Poller> Poller::open() {
  Fd fd{epoll_create1(EPOLL_CLOEXEC)};
  if (!fd) return fail_errno(errno, "epoll_create1");
  return Poller{std::move(fd)};
}

Result<void> Poller::add(int fd, Interest interest, std::uint64_t id) {
  epoll_event event = event_of(interest, id);
  if (epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return fail_errno(errno, "epoll_ctl");
  return {};
}

Result<void> Poller::change(int fd, Interest interest, std::uint64_t id) {
  epoll_event event = event_of(interest, id);
  if (epoll_ctl(fd_.get(), EPOLL_CTL_MOD, fd, &event) != 0) return fail_errno(errno, "epoll_ctl");
  return {};
}

void Poller::remove(int fd) noexcept { epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr); }

std::size_t Poller::ready(std::span<std::uint64_t> ids) {
  std::array<epoll_event, kMaxReady> events{};
  const auto most = static_cast<int>(std::min(ids.size(), kMaxReady));
  if (most == 0) return 0;
  const int count = epoll_wait(fd_.get(), events.data(), most, 0);
  for (int i = 0; i < count; ++i) ids[static_cast<std::size_t>(i)] = events[static_cast<std::size_t>(i)].data.u64;
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

}  // namespace weft::stream
