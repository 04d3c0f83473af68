#include <catch2/catch_test_macros.hpp>

#include <weft/base/clock.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

TEST_CASE("clock: a bounded duration may be added to any time", "[clock]") {
  CHECK(bounded(30s) == 30s);
  CHECK(bounded(-1ms) == -1ms);
  CHECK(bounded(1ns) == 1ns);
  const TimePoint now = Clock::now();
  CHECK(now + bounded(Duration::max()) > now + 24h * 365);
  CHECK(now + bounded(std::chrono::hours::max()) > now + 24h * 365);
  CHECK(now + bounded(Duration::min()) < now);
  CHECK(now + bounded(std::chrono::duration<double>(1e30)) > now + 24h * 365);
}

}  // namespace
}  // namespace weft
