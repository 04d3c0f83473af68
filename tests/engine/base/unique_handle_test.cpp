#include <cerrno>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include <weft/base/fd.hpp>
#include <weft/base/unique_handle.hpp>

using namespace weft;

namespace {

std::vector<int> closed;

struct CountedTraits {
  using Handle = int;
  static int none() noexcept { return 0; }
  static void close(int handle) noexcept { closed.push_back(handle); }
};
using Counted = UniqueHandle<CountedTraits>;

}  // namespace

TEST_CASE("unique handle: what it owns is closed once, when it ends") {
  closed.clear();
  { const Counted one{1}; }
  { const Counted none; }
  CHECK(closed == std::vector{1});
}

TEST_CASE("unique handle: a move leaves nothing behind and closes what was held") {
  closed.clear();
  {
    Counted first{1};
    Counted second{std::move(first)};
    CHECK_FALSE(first);  // NOLINT(bugprone-use-after-move): that is the promise
    CHECK(second.get() == 1);
    Counted third{3};
    third = std::move(second);
    CHECK(closed == std::vector{3});
    auto& itself = third;
    third = std::move(itself);
    CHECK(third.get() == 1);
  }
  CHECK(closed == std::vector{3, 1});
}

TEST_CASE("unique handle: release gives the handle away, reset closes it") {
  closed.clear();
  Counted handle{4};
  CHECK(handle.release() == 4);
  CHECK(closed.empty());
  handle.reset(5);
  handle.reset();
  handle.reset();
  CHECK(closed == std::vector{5});
}

TEST_CASE("fd: the descriptor is closed with its owner") {
  int raw = -1;
  {
    const Fd file{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    REQUIRE(file);
    raw = file.get();
    CHECK(::fcntl(raw, F_GETFD) >= 0);
  }
  CHECK(::fcntl(raw, F_GETFD) == -1);
  CHECK(errno == EBADF);
}
