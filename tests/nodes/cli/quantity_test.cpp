#include <catch2/catch_test_macros.hpp>
#include <weft/nodes/cli/quantity.hpp>

using namespace weft;
using namespace weft::cli;
using namespace std::chrono_literals;

TEST_CASE("durations: a number and its unit, nothing else") {
  CHECK(parse_duration("500ms") == Duration(500ms));
  CHECK(parse_duration("30s") == Duration(30s));
  CHECK(parse_duration("1.5m") == Duration(90s));
  CHECK(parse_duration("2h") == Duration(2h));
  CHECK(parse_duration("0s") == Duration(0));
  for (const char* bad : {"", "5", "s", "-1s", "1 s", "1sec", "1e9s", "nan", "inf", "9999999999h", "1s1"}) {
    const auto read = parse_duration(bad);
    REQUIRE_FALSE(read);
    CHECK(read.error().kind() == ErrorClass::kInvalidArgument);
    CHECK_FALSE(read.error().hint().empty());
  }
}

TEST_CASE("sizes: binary and decimal units, and plain bytes") {
  CHECK(parse_size("4096") == 4096u);
  CHECK(parse_size("256MiB") == 256u << 20);
  CHECK(parse_size("1.5GiB") == 3ull << 29);
  CHECK(parse_size("64MB") == 64'000'000u);
  CHECK(parse_size("2G") == 2ull << 30);
  for (const char* bad : {"", "MiB", "-1", "12 MiB", "1XB", "1e3", "9999999999TiB"}) CHECK_FALSE(parse_size(bad));
}

TEST_CASE("clock: minutes and seconds, hours when there are any") {
  CHECK(clock_text(0s) == "0:00");
  CHECK(clock_text(59'999ms) == "0:59");
  CHECK(clock_text(60s) == "1:00");
  CHECK(clock_text(3661s) == "1:01:01");
}

TEST_CASE("latency: the unit that fits") {
  CHECK(latency_text(Duration(1'500), false) == "1.5 us");
  CHECK(latency_text(Duration(1'500), true) == "1.5 µs");
  CHECK(latency_text(Duration(1'500'000), true) == "1.50 ms");
  CHECK(latency_text(Duration(2s), true) == "2.00 s");
}

TEST_CASE("counts: digits within their range, and nothing else") {
  CHECK(parse_count("1") == 1u);
  CHECK(parse_count("0012") == 12u);
  CHECK(parse_count("9223372036854775807") == 9223372036854775807u);
  CHECK(parse_count("3", {.least = 3, .most = 3}) == 3u);
  for (const char* bad :
       {"", "0", "-1", "+1", " 1", "1 ", "1k", "1.0", "0x1", "9223372036854775808", "99999999999999999999"})
    CHECK_FALSE(parse_count(bad));
  CHECK_FALSE(parse_count("2", {.least = 3}));
  CHECK_FALSE(parse_count("4", {.least = 3, .most = 3}));
  CHECK(parse_count("x").error().message() == "a whole number from 1");
  CHECK(parse_count("x", {.least = 0, .most = 9}).error().message() == "a whole number from 0 to 9");
}
