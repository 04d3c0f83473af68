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

TEST_CASE("progress line: short of room the bar goes first, then sizes, rate, counts; the last word stays") {
  auto line = half();
  line.tail = "tcp   verified";
  CHECK(line.text(72, false) == "1/2 tensors  1.0 MiB / 2.0 MiB   50 %  4.6 GB/s  0:07   tcp   verified");
  CHECK(line.text(60, false) == "1/2 tensors   50 %  4.6 GB/s  0:07   tcp   verified");
  CHECK(line.text(40, false) == "1/2 tensors   50 %   tcp   verified");
  CHECK(line.text(34, false) == " 50 %   tcp   verified");
  CHECK(line.text(20, false) == "tcp   verified");
  CHECK(line.text(10, false) == "verified");
}

TEST_CASE("progress line: a rate that would mean nothing is left out, one that is not known yet is said to be so") {
  auto line = half();
  line.bytes_per_second.reset();
  CHECK(line.text(50, false) == "1/2 tensors  1.0 MiB / 2.0 MiB   50 %  0:07   tcp");
  line.bytes_per_second = 0;
  CHECK(line.text(60, false) == "1/2 tensors  1.0 MiB / 2.0 MiB   50 %  - B/s  0:07   tcp");
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
  table.add({"", "2 B"});
  CHECK(table.lines().back() == "         2 B");
  CHECK(table.plain_lines().back() == "-\t2 B");
  Table others({{"NAME"}, {"SIZE", true}});
  others.add({"a", "10 B"});
  others.add({"größer", "1 B"});
  CHECK(others.plain_lines() == std::vector<std::string>{"a\t10 B", "größer\t1 B"});
}
