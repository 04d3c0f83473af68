#include <catch2/catch_test_macros.hpp>
#include <vector>

#include <weft/tensor/shape.hpp>

using namespace weft;

TEST_CASE("shape: it holds up to 32 axes and says so when given more", "[tensor]") {
  for (std::size_t rank : {0u, 1u, 6u, 7u, 32u}) {
    std::vector<std::int64_t> extents(rank, 2);
    for (std::size_t axis = 0; axis < rank; ++axis) extents[axis] += axis == rank - 1 ? 1 : 0;
    const Shape shape{std::span<const std::int64_t>{extents}};
    CHECK(shape.rank() == rank);
    CHECK(std::ranges::equal(shape.values(), extents));
    CHECK_FALSE(shape.overlong());
    Shape copy = shape;
    CHECK(copy == shape);
    const Shape moved = std::move(copy);
    CHECK(moved == shape);
  }
  const std::vector<std::int64_t> many(33, 1);
  const Shape overlong{std::span<const std::int64_t>{many}};
  CHECK(overlong.overlong());
  CHECK(overlong.empty());
  CHECK_FALSE(overlong == Shape{});
  CHECK_FALSE(overlong.element_count());
}

TEST_CASE("shape: elements are counted without wrapping, in whatever order the axes stand", "[tensor][T4]") {
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  CHECK(Shape{}.element_count().value() == 1);
  CHECK(Shape{30522, 384}.element_count().value() == std::uint64_t{30522} * 384);
  CHECK(Shape{kHuge}.element_count().value() == std::uint64_t{1} << 62);
  CHECK(Shape{5, 0}.element_count().value() == 0);
  CHECK_FALSE(Shape{kHuge, 2}.element_count());
  CHECK_FALSE(Shape{kHuge, kHuge, 0}.element_count());
  CHECK_FALSE(Shape{0, kHuge, kHuge}.element_count());
  CHECK_FALSE(Shape{-1}.element_count());
  CHECK_FALSE(Shape{-1, -1}.element_count());
  CHECK_FALSE(Shape{0, -1}.element_count());
  CHECK(Shape{-1}.element_count().error().kind() == ErrorClass::kInvalidArgument);
}

TEST_CASE("shape: its text is as Python's", "[tensor]") {
  CHECK(Shape{30522, 384}.to_string() == "[30522, 384]");
  CHECK(Shape{}.to_string() == "[]");
  CHECK(Strides{384, 1}.to_string() == "[384, 1]");
}
