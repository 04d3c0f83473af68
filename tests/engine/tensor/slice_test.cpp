#include <catch2/catch_test_macros.hpp>
#include <random>

#include <weft/tensor/slice.hpp>

using namespace weft;

namespace {

Slice parsed(std::string_view text) {
  const auto slice = Slice::parse(text);
  INFO(text);
  REQUIRE(slice);
  return *slice;
}

}  // namespace

TEST_CASE("slice: text is read as numpy writes it", "[tensor]") {
  CHECK(parsed("0:128, :, 3:4") == Slice{{0, 128}, all, {3, 4}});
  CHECK(parsed("::2") == Slice{{0, kEnd, 2}});
  CHECK(parsed(" 1 : -1 : 3 ") == Slice{{1, -1, 3}});
  CHECK(parsed(":5") == Slice{{0, 5}});
  CHECK(parsed("-5:") == Slice{{-5, kEnd}});
  CHECK(parsed("3") == Slice{{3, 4}});
  CHECK(parsed("-1") == Slice{{-1, kEnd}});
  CHECK(parsed("-2") == Slice{{-2, -1}});
  CHECK(parsed("0") == Slice{{0, 1}});
  CHECK(parsed("") == Slice{});
  CHECK(parsed(" \t") == Slice{});
}

TEST_CASE("slice: what is none is refused with a hint", "[tensor]") {
  for (std::string_view text :
       {"a", ",", "1,", ",1", "1,,2", "1:2:3:4", "1:2:0", "1:2:-1", "1 2", "...", "1.5", "+1", "0x1",
        "9223372036854775808", "-9223372036854775809", "9223372036854775807", "[0:1]", "1:2:", "--1"}) {
    const auto slice = Slice::parse(text);
    INFO(text);
    if (text == "1:2:") {  // numpy reads an empty step as 1
      CHECK(slice);
      continue;
    }
    REQUIRE_FALSE(slice);
    CHECK(slice.error().kind() == ErrorClass::kInvalidArgument);
    CHECK_FALSE(slice.error().hint().empty());
  }
  std::string many = ":";
  for (int axis = 1; axis < 32; ++axis) many += ",:";
  CHECK(Slice::parse(many));
  CHECK_FALSE(Slice::parse(many + ",:"));
}

TEST_CASE("slice: its text reads back as the same slice", "[tensor]") {
  std::mt19937_64 random{3};
  for (int round = 0; round < 2000; ++round) {
    std::vector<Range> ranges(random() % 4);
    for (Range& range : ranges) {
      range = {static_cast<std::int64_t>(random() % 9) - 4, static_cast<std::int64_t>(random() % 9) - 4, 1};
      if (random() % 3 == 0) range.stop = kEnd;
      if (random() % 3 == 0) range.step = static_cast<std::int64_t>(random() % 5) + 1;
    }
    const Slice slice = Slice::of(ranges);
    CHECK(parsed(slice.to_string()) == slice);
  }
  CHECK(Slice{{0, 128}, all, {3, 4}}.to_string() == "0:128, :, 3:4");
  CHECK(Slice{{0, kEnd, 2}}.to_string() == "::2");
}

TEST_CASE("slice: ranges are clamped to the axis as numpy does", "[tensor]") {
  const auto axis = [](Range range, std::int64_t extent) { return Slice{range}.resolve(Shape{extent}).value().at(0); };
  using Axis = Slice::Axis;
  CHECK(axis({2, 5}, 10) == Axis{2, 3, 1});
  CHECK(axis({-3, kEnd}, 10) == Axis{7, 3, 1});
  CHECK(axis({-30, 100}, 10) == Axis{0, 10, 1});
  CHECK(axis({5, 2}, 10) == Axis{0, 0, 1});
  CHECK(axis({10, 20}, 10) == Axis{0, 0, 1});
  CHECK(axis({0, kEnd, 3}, 10) == Axis{0, 4, 3});
  CHECK(axis({1, 9, 4}, 10) == Axis{1, 2, 4});
  CHECK(axis({3, kEnd, kEnd}, 10) == Axis{3, 1, 1});
  CHECK(axis({std::numeric_limits<std::int64_t>::min(), kEnd}, kEnd) == Axis{0, kEnd, 1});
  CHECK(axis(all, 0) == Axis{0, 0, 1});
}

TEST_CASE("slice: axes without a range are whole, ranges without an axis are refused", "[tensor]") {
  const Slice slice{{0, 2}};
  const auto axes = slice.resolve(Shape{4, 6}).value();
  REQUIRE(axes.size() == 2);
  CHECK(axes[0].count == 2);
  CHECK(axes[1].count == 6);
  CHECK(Slice{}.resolve(Shape{}).value().empty());
  CHECK_FALSE(slice.resolve(Shape{}));
  CHECK_FALSE(Slice({{0, 4, 0}}).resolve(Shape{4}));
  CHECK_FALSE(Slice({{0, 4, -1}}).resolve(Shape{4}));
  CHECK(Slice({{0, 4, -1}}).resolve(Shape{4}).error().kind() == ErrorClass::kInvalidArgument);
}
