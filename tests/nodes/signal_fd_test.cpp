#include <poll.h>

#include <catch2/catch_test_macros.hpp>

#include <weft/nodes/signal_fd.hpp>

namespace weft::detail {
namespace {

bool is_readable(int descriptor) {
  pollfd waits{.fd = descriptor, .events = POLLIN, .revents = 0};
  return ::poll(&waits, 1, 0) == 1;
}

}  // namespace

TEST_CASE("signal: what was set before its descriptor was asked for is seen there") {
  auto signal = SignalFd::open().value();
  signal.set();
  CHECK(is_readable(signal.descriptor()));
  auto cleared = SignalFd::open().value();
  cleared.set();
  cleared.clear();
  CHECK_FALSE(is_readable(cleared.descriptor()));
}

TEST_CASE("signal: its descriptor is readable while it is set, however often that was said") {
  auto signal = SignalFd::open().value();
  const int descriptor = signal.descriptor();
  CHECK_FALSE(is_readable(descriptor));
  for (int lap = 0; lap < 3; ++lap) {
    signal.set();
    signal.set();
    CHECK(is_readable(descriptor));
    CHECK(is_readable(signal.descriptor()));
    signal.clear();
    CHECK_FALSE(is_readable(descriptor));
    signal.clear();
  }
}

}  // namespace weft::detail
