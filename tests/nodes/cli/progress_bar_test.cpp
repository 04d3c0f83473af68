#include <catch2/catch_test_macros.hpp>
#include <weft/nodes/cli/progress_bar.hpp>
#include <weft/nodes/cli/table.hpp>

using namespace weft::cli;
using namespace std::chrono_literals;

namespace {

ProgressLine half() {
  return {.unit = "tensors",
          .items = 1,
          .items_total = 2,
          .bytes = 1u << 20,
          .bytes_total = 2u << 20,
          .bytes_per_second = 4.6e9,
          .time = 7s,
          .tail = "tcp"};
}

}  // namespace

TEST_CASE("progress line: counts, bytes, share, bar, rate, time and tail") {
  CHECK(half().text(88, false) ==
        "1/2 tensors  1.0 MiB / 2.0 MiB   50 %  [############............]  4.6 GB/s  0:07   tcp");
  CHECK(half().text(200, true) ==
        "1/2 tensors  1.0 MiB / 2.0 MiB   50 %  ▕████████████            ▏  4.6 GB/s  0:07   tcp");
}

TEST_CASE("progress line: never wider than it may be, whatever that is") {
  for (std::size_t width = 1; width < 120; ++width) {
    CHECK(display_width(half().text(width, true)) <= width);
    CHECK(display_width(half().text(width, false)) <= width);
  }
}

TEST_CASE("progress line: nothing to move is all of it, more than announced is not more than all") {
  ProgressLine nothing{.unit = "tensors"};
  CHECK(nothing.text(100, false).find("100 %") != std::string::npos);
  auto over = half();
  over.bytes = 3u << 20;
  CHECK(over.text(100, false).find("100 %") != std::string::npos);
  CHECK(half().text(100, false).find(" 50 %") != std::string::npos);
}

TEST_CASE("table: columns as wide as their widest cell, numbers to the right") {
  Table table({{"NAME"}, {"SIZE", true}});
  table.add({"a", "10 B"});
  table.add({"größer", "1 B"});
  CHECK(table.lines() == std::vector<std::string>{"NAME    SIZE", "a       10 B", "größer   1 B"});
  CHECK(table.plain_lines() == std::vector<std::string>{"a\t10 B", "größer\t1 B"});
}
