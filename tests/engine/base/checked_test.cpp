#include <cstdint>
#include <limits>

#include <catch2/catch_test_macros.hpp>

#include <weft/base/checked.hpp>

using namespace weft;

namespace {
constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
}

TEST_CASE("checked arithmetic: what fits is returned, what wraps is nothing") {
  CHECK(checked_add<std::uint64_t>(kMax - 1, 1) == kMax);
  CHECK_FALSE(checked_add<std::uint64_t>(kMax, 1));
  CHECK(checked_mul<std::uint64_t>(std::uint64_t{1} << 32, (std::uint64_t{1} << 32) - 1));
  CHECK_FALSE(checked_mul<std::uint64_t>(std::uint64_t{1} << 32, std::uint64_t{1} << 32));
  CHECK(checked_mul<std::uint64_t>(kMax, 0) == 0);
  CHECK_FALSE(checked_add<std::int32_t>(std::numeric_limits<std::int32_t>::min(), -1));
}

TEST_CASE("within: the edges are inside, one past them is not, and sums cannot wrap") {
  CHECK(within<std::uint64_t>(0, 0, 0));
  CHECK(within<std::uint64_t>(10, 0, 10));
  CHECK(within<std::uint64_t>(4, 6, 10));
  CHECK_FALSE(within<std::uint64_t>(4, 7, 10));
  CHECK_FALSE(within<std::uint64_t>(11, 0, 10));
  CHECK_FALSE(within<std::uint64_t>(kMax, 2, 10));
  CHECK_FALSE(within<std::uint64_t>(2, kMax, 10));
}

TEST_CASE("round_up: multiples stay, all else goes to the next") {
  CHECK(round_up<std::uint64_t>(0, 64) == 0);
  CHECK(round_up<std::uint64_t>(1, 64) == 64);
  CHECK(round_up<std::uint64_t>(64, 64) == 64);
  CHECK(round_up<std::uint64_t>(65, 64) == 128);
}
