#include <numeric>

#include <catch2/catch_test_macros.hpp>
#include <weft/nodes/cli/save_plan.hpp>

using namespace weft;
using namespace weft::cli;

namespace {

Entry entry(std::string name, Shape shape, DType dtype = DType::kF32) {
  Entry made{.name = std::move(name), .meta = {.dtype = dtype, .shape = std::move(shape)}, .generation = {5}};
  made.bytes = *made.meta.byte_size();
  return made;
}

std::uint64_t sum(const std::vector<PullPart>& parts) {
  return std::accumulate(parts.begin(), parts.end(), std::uint64_t{0},
                         [](std::uint64_t total, const PullPart& part) { return total + part.bytes; });
}

}  // namespace

TEST_CASE("pull parts: a tensor of up to two batches is one part") {
  for (const auto& shape : {Shape{}, Shape{0, 4}, Shape{1000, 1000}, Shape{128 << 20}}) {
    std::vector<PullPart> parts;
    append_parts(entry("w", shape), 3, parts);
    REQUIRE(parts.size() == 1);
    CHECK(parts[0].slice.empty());
    CHECK(parts[0].completes);
    CHECK(parts[0].item == 3);
    CHECK(parts[0].generation == Generation{5});
  }
}

TEST_CASE("pull parts: a larger one is cut into runs of rows that cover it once") {
  const auto large = entry("w", {300'001, 1024});
  std::vector<PullPart> parts;
  append_parts(large, 0, parts);
  REQUIRE(parts.size() > 2);
  std::uint64_t at = 0;
  std::int64_t row = 0;
  for (std::size_t index = 0; index < parts.size(); ++index) {
    CHECK(parts[index].offset == at);
    CHECK(parts[index].slice.ranges()[0].start == row);
    CHECK(parts[index].bytes <= 256ull << 20);
    CHECK(parts[index].completes == (index + 1 == parts.size()));
    at += parts[index].bytes;
    row = parts[index].slice.ranges()[0].stop;
  }
  CHECK(at == large.bytes);
  CHECK(row == 300'001);
}

TEST_CASE("pull parts: rows that are no whole bytes, or larger than a batch, leave it whole") {
  for (const auto& large : {entry("w", {1'500'000'001, 1}, DType::kI4), entry("w", {2, 100 << 20})}) {
    std::vector<PullPart> parts;
    append_parts(large, 0, parts);
    CHECK(parts.size() == 1);
    CHECK(sum(parts) == large.bytes);
  }
}

TEST_CASE("save plan: all, some, parts; a name with brackets is itself where there is one") {
  const std::vector<Entry> listed{entry("a", {4, 3}), entry("a[0]", {5}), entry("b", {})};
  CHECK(SavePlan::make(listed, {})->items.size() == 3);

  const auto part = SavePlan::make(listed, {.names = {"a[1:3]", "a[0]"}});
  REQUIRE(part);
  CHECK(part->items[0].name == "a");
  CHECK(part->items[0].meta.shape == Shape{2, 3});
  CHECK(part->items[1].name == "a[0]");
  CHECK(part->items[1].meta.shape == Shape{5});
  CHECK(part->bytes == 24 + 20);

  CHECK(SavePlan::make(listed, {.names = {"a"}, .slices = {"::2,-1"}})->items[0].meta.shape == Shape{2, 1});
  const auto sliced = SavePlan::make(listed, {.names = {"a", "b"}, .slices = {"a[1:2]", "a[0][:2]"}});
  REQUIRE(sliced);
  REQUIRE(sliced->items.size() == 3);
  CHECK(sliced->items[0].meta.shape == Shape{1, 3});
  CHECK(sliced->items[1].name == "b");
  CHECK(sliced->items[2].name == "a[0]");
  CHECK(sliced->items[2].meta.shape == Shape{2});
  CHECK(SavePlan::make(listed, {.slices = {"a[1:2, :]"}})->bytes == 12);
  CHECK(SavePlan::make(listed, {.names = {"a[0:2,:"}}).error().kind() == ErrorClass::kInvalidArgument);
  CHECK(SavePlan::make(listed, {.names = {"c[0:2,:"}}).error().kind() == ErrorClass::kNotFound);
  CHECK(SavePlan::make(listed, {.slices = {"c[0]"}}).error().context().name == "c");
  for (const Wanted& wrong : {Wanted{.slices = {"0:1"}}, Wanted{.names = {"a", "b"}, .slices = {"0:1"}},
                              Wanted{.names = {"a"}, .slices = {"0:1", "1:2"}}, Wanted{.slices = {"a[x]"}}})
    CHECK(check_wanted(wrong).error().kind() == ErrorClass::kInvalidArgument);
  CHECK(SavePlan::make(listed, {.names = {"c[0]"}}).error().context().name == "c");
  CHECK(SavePlan::make(listed, {.names = {"c"}}).error().kind() == ErrorClass::kNotFound);
  CHECK(SavePlan::make(listed, {.names = {"b[0]"}}).error().kind() == ErrorClass::kInvalidArgument);
  CHECK(SavePlan::make(listed, {.names = {"a[x]"}}).error().kind() == ErrorClass::kInvalidArgument);
}

TEST_CASE(
    "save plan: a pattern is all that match it, each once; a name with a star in it is itself where there is one") {
  const std::vector<Entry> listed{entry("a.w", {4, 3}), entry("a.v", {5}), entry("a.*", {2}), entry("b", {7})};
  const auto names = [&](const Wanted& wanted) {
    std::vector<std::string> found;
    const auto plan = SavePlan::make(listed, wanted);
    REQUIRE(plan);
    for (const auto& item : plan->items) found.push_back(item.name);
    return found;
  };
  using Names = std::vector<std::string>;
  CHECK(names({.names = {"a.*"}}) == Names{"a.*"});
  CHECK(names({.names = {"a.*[0:1]"}}) == Names{"a.*"});
  CHECK(names({.names = {"a.?"}}) == Names{"a.w", "a.v", "a.*"});
  CHECK(names({.names = {"*", "b"}}) == Names{"b", "a.w", "a.v", "a.*"});
  CHECK(names({.names = {"?.v", "*v"}}) == Names{"a.v"});
  CHECK(SavePlan::make(listed, {.names = {"?.?[1:2]"}})->bytes == 12 + 4 + 4);
  CHECK(SavePlan::make(listed, {.names = {"?.?"}, .slices = {"1:2"}})->bytes == 12 + 4 + 4);
  CHECK(SavePlan::make(listed, {.names = {"c*"}}).error().kind() == ErrorClass::kNotFound);
  CHECK(SavePlan::make(listed, {.names = {"c*"}}).error().context().name == "c*");
  CHECK(SavePlan::make(listed, {.names = {"*[x]"}}).error().kind() == ErrorClass::kInvalidArgument);
  CHECK(choose_path("", {.names = {"a.*"}}, true)->filename() == "model.safetensors");
}
