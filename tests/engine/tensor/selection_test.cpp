#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include <weft/tensor/selection.hpp>

using namespace weft;

namespace {

using Bytes = std::vector<std::byte>;

Bytes noise(std::uint64_t size, std::mt19937_64& random) {
  Bytes bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

std::uint64_t nibble(const Bytes& memory, std::uint64_t element) {
  const auto byte = std::to_integer<unsigned>(memory[element / 2]);
  return element % 2 == 0 ? byte & 15u : byte >> 4;
}

using Indices = std::vector<std::vector<std::int64_t>>;  // those taken along every axis

// Where the picked elements lie, in row-major order of the result.
std::vector<std::uint64_t> positions(const TensorMeta& meta, const Indices& picked) {
  const Strides strides = meta.strides.empty() ? row_major(meta.shape) : meta.strides;
  std::uint64_t total = 1;
  for (const auto& axis : picked) total *= axis.size();
  std::vector<std::uint64_t> at(total);
  for (std::uint64_t element = 0; element < total; ++element) {
    std::uint64_t rest = element;
    for (std::size_t axis = picked.size(); axis-- > 0;) {
      at[element] += static_cast<std::uint64_t>(picked[axis][rest % picked[axis].size()] * strides[axis]);
      rest /= picked[axis].size();
    }
  }
  return at;
}

// The reference: element by element.
Bytes gather_naively(const TensorMeta& meta, const Indices& picked, const Bytes& memory) {
  const auto at = positions(meta, picked);
  const std::uint64_t width = bits(meta.dtype);
  Bytes dense((at.size() * width + 7) / 8);
  for (std::size_t element = 0; element < at.size(); ++element) {
    if (width == 4)
      dense[element / 2] |= static_cast<std::byte>(nibble(memory, at[element]) << (element % 2 * 4));
    else
      std::memcpy(dense.data() + element * width / 8, memory.data() + at[element] * width / 8, width / 8);
  }
  // A last byte half filled travels with whatever its other half held.
  if (width == 4 && at.size() % 2 == 1) dense.back() |= memory[at.back() / 2] & std::byte{0xF0};
  return dense;
}

Bytes gather(const Selection& selection, std::uint64_t offset, std::uint64_t length, const Bytes& memory) {
  Bytes dense(length);
  std::uint64_t expected = offset;
  const std::uint64_t walked =
      selection.for_each(offset, length, [&](std::uint64_t from, std::uint64_t to, std::uint64_t n) {
        REQUIRE(to == expected);
        REQUIRE(n > 0);
        REQUIRE(from + n <= selection.source_extent());
        std::memcpy(dense.data() + (to - offset), memory.data() + from, n);
        expected += n;
      });
  REQUIRE(walked == length);
  return dense;
}

// Everything that a Selection says about itself agrees with everything else it says, and with the reference.
void check_against(const Selection& selection, const Bytes& expected, const Bytes& memory, std::mt19937_64& random) {
  REQUIRE(selection.bytes() == expected.size());
  REQUIRE(selection.meta().byte_size().value() == expected.size());
  REQUIRE(selection.meta().strides.empty());
  REQUIRE(selection.source_extent() <= memory.size());
  REQUIRE(selection.contiguous() == (selection.run_count() <= 1));
  std::uint64_t dense = 0, highest = 0, lowest = 0;
  std::uint64_t shortest = selection.run_bytes();
  bool uniform = true;
  for (std::uint64_t k = 0; k < selection.run_count(); ++k) {
    const Selection::Run run = selection.run(k);
    REQUIRE(run.dense_offset == dense);
    REQUIRE(run.source_offset == selection.run_offset(k));
    REQUIRE(run.length >= selection.run_bytes());
    shortest = k == 0 ? run.length : std::min(shortest, run.length);
    uniform = uniform && run.length == selection.run(0).length;
    dense += run.length;
    highest = std::max(highest, run.source_offset + run.length);
    lowest = k == 0 ? run.source_offset : std::min(lowest, run.source_offset);
  }
  REQUIRE(dense == selection.bytes());
  REQUIRE(highest == selection.source_extent());
  REQUIRE(lowest == selection.source_begin());
  REQUIRE(shortest == selection.run_bytes());
  REQUIRE(uniform == selection.uniform());
  REQUIRE((gather(selection, 0, expected.size(), memory) == expected));
  for (int round = 0; round < 4 && !expected.empty(); ++round) {
    const std::uint64_t offset = random() % expected.size(), length = random() % (expected.size() - offset) + 1;
    const auto from = expected.begin() + static_cast<std::ptrdiff_t>(offset);
    REQUIRE(std::ranges::equal(gather(selection, offset, length, memory),
                               std::ranges::subrange(from, from + static_cast<std::ptrdiff_t>(length))));
  }
}

// Row-major with axes permuted and gaps put in: the layouts that views of real tensors have.
Strides random_strides(const Shape& shape, bool sub_byte, std::mt19937_64& random) {
  std::vector<std::size_t> order(shape.rank());
  std::iota(order.begin(), order.end(), 0u);
  if (!sub_byte && random() % 2 == 0) std::ranges::shuffle(order, random);
  Strides strides{shape.values()};
  std::int64_t stride = 1;
  for (std::size_t at = order.size(); at-- > 0;) {
    strides[order[at]] = shape[order[at]] == 1 && random() % 4 == 0 ? std::int64_t{1} << 62 : stride;
    stride *= std::max<std::int64_t>(shape[order[at]], 1);
    if (random() % 3 == 0) stride += static_cast<std::int64_t>(random() % 3) * (sub_byte ? 2 : 1);
  }
  if (!sub_byte && !strides.empty() && random() % 8 == 0) strides[random() % strides.rank()] = 0;
  return strides;
}

TensorMeta random_meta(std::mt19937_64& random) {
  constexpr DType kTypes[] = {DType::kU8, DType::kF16, DType::kF32, DType::kC128, DType::kI4, DType::kOpaque};
  TensorMeta meta{.dtype = kTypes[random() % std::size(kTypes)]};
  const std::size_t rank = random() % 5;
  for (std::size_t axis = 0; axis < rank; ++axis)
    meta.shape.append(static_cast<std::int64_t>(random() % 16 == 0 ? 0 : random() % 6 + 1));
  if (random() % 2 == 0) meta.strides = random_strides(meta.shape, meta.dtype == DType::kI4, random);
  return meta;
}

std::vector<std::int64_t> numpy_indices(const Range& range, std::int64_t extent) {
  std::vector<std::int64_t> indices;
  const auto clamp = [&](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + extent : at, 0, extent); };
  for (std::int64_t at = clamp(range.start); at < clamp(range.stop); at += range.step) indices.push_back(at);
  return indices;
}

// Whether a byte of the dense result is not, as it is, a byte of the memory. An odd last element stands alone in its
// byte only where the memory ends with it.
bool cuts_a_byte(const TensorMeta& meta, const Indices& picked) {
  if (bits(meta.dtype) != 4) return false;
  const auto at = positions(meta, picked);
  Indices every;
  for (std::int64_t length : meta.shape) every.push_back(numpy_indices(all, length));
  const auto whole = positions(meta, every);
  const std::uint64_t last = whole.empty() ? 0 : std::ranges::max(whole);
  for (std::size_t low = 0; low < at.size(); low += 2) {
    const bool alone = low + 1 == at.size();
    if (at[low] % 2 != 0 || (alone ? at[low] != last : at[low + 1] != at[low] + 1)) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("selection: any slice of any layout gathers what an element by element copy does", "[tensor]") {
  std::mt19937_64 random{1};
  int refused = 0, sub_byte = 0;
  for (int round = 0; round < 20000; ++round) {
    const TensorMeta meta = random_meta(random);
    std::vector<Range> ranges;
    Indices picked;
    const std::size_t given = meta.shape.empty() ? 0 : random() % (meta.shape.rank() + 1);
    for (std::size_t axis = 0; axis < meta.shape.rank(); ++axis) {
      Range range;
      if (axis < given && random() % 3 != 0)
        range = {static_cast<std::int64_t>(random() % 16) - 8,
                 random() % 3 == 0 ? kEnd : static_cast<std::int64_t>(random() % 16) - 8,
                 static_cast<std::int64_t>(random() % 3) + 1};
      if (axis < given) ranges.push_back(range);
      picked.push_back(numpy_indices(range, meta.shape[axis]));
    }
    const auto selection = Selection::make(meta, Slice::of(ranges));
    INFO("round " << round << " " << meta.shape.to_string() << " " << meta.strides.to_string() << " "
                  << Slice::of(ranges).to_string() << " " << to_string(meta.dtype));
    REQUIRE(selection.has_value() != cuts_a_byte(meta, picked));
    if (!selection) {
      REQUIRE(selection.error().kind() == ErrorClass::kInvalidArgument);
      ++refused;
      continue;
    }
    sub_byte += meta.dtype == DType::kI4 ? 1 : 0;
    const Bytes memory = noise(meta.extent_bytes().value(), random);
    const Bytes expected = gather_naively(meta, picked, memory);
    check_against(*selection, expected, memory, random);
  }
  CHECK(refused > 100);
  CHECK(sub_byte > 500);
}

TEST_CASE("selection: any rows along any axis gather what an element by element copy does", "[tensor]") {
  std::mt19937_64 random{2};
  int accepted = 0, varied = 0;
  for (int round = 0; round < 20000; ++round) {
    const TensorMeta meta = random_meta(random);
    if (meta.shape.empty()) continue;
    const auto axis = static_cast<std::size_t>(random() % meta.shape.rank());
    const auto extent = static_cast<std::uint64_t>(meta.shape[axis]);
    Indices picked;
    for (std::int64_t length : meta.shape) picked.push_back(numpy_indices(all, length));
    picked[axis].clear();
    std::vector<RowRun> runs;
    std::vector<std::uint32_t> indices;
    for (std::uint64_t n = random() % 5; n > 0 && extent > 0; --n) {
      const std::uint64_t start = random() % extent, count = random() % (extent - start + 1);
      runs.push_back({start, count});
      for (std::uint64_t at = start; at < start + count; ++at) indices.push_back(static_cast<std::uint32_t>(at));
    }
    picked[axis].assign(indices.begin(), indices.end());
    const int named =
        random() % 2 == 0 ? static_cast<int>(axis) : static_cast<int>(axis) - static_cast<int>(meta.shape.rank());
    const auto by_run = Selection::make_rows(meta, named, runs);
    const auto by_index = Selection::make_rows(meta, named, indices);
    INFO("round " << round << " " << meta.shape.to_string() << " " << meta.strides.to_string() << " axis " << axis);
    REQUIRE(by_run.has_value() == by_index.has_value());
    if (!by_run) {
      REQUIRE(meta.dtype == DType::kI4);
      continue;
    }
    REQUIRE_FALSE(cuts_a_byte(meta, picked));
    ++accepted;
    varied += by_run->uniform() ? 0 : 1;
    const Bytes memory = noise(meta.extent_bytes().value(), random);
    const Bytes expected = gather_naively(meta, picked, memory);
    check_against(*by_run, expected, memory, random);
    check_against(*by_index, expected, memory, random);
  }
  CHECK(accepted > 5000);
  CHECK(varied > 500);
}

TEST_CASE("selection: axes that touch in memory become one run", "[tensor]") {
  const TensorMeta meta{.dtype = DType::kF32, .shape = {8, 4, 16}};
  const auto whole = Selection::whole(meta).value();
  CHECK(whole.contiguous());
  CHECK(whole.run_bytes() == 8 * 4 * 16 * 4);
  CHECK(whole.run_offset(0) == 0);
  const auto rows = Selection::make(meta, {{2, 5}}).value();
  CHECK(rows.contiguous());
  CHECK(rows.run_offset(0) == 2 * 4 * 16 * 4);
  CHECK(rows.source_extent() == 5 * 4 * 16 * 4);
  const auto columns = Selection::make(meta, {all, all, {4, 8}}).value();
  CHECK(columns.run_count() == 32);
  CHECK(columns.run_bytes() == 16);
  const auto middle = Selection::make(meta, {all, {1, 3}}).value();
  CHECK(middle.run_count() == 8);
  CHECK(middle.run_bytes() == 2 * 16 * 4);
}

TEST_CASE("selection: rows that touch are one run, however they were named", "[tensor]") {
  const TensorMeta meta{.dtype = DType::kU8, .shape = {100, 64}};
  const auto touching = Selection::make_rows(meta, 0, std::vector<std::uint32_t>{5, 6, 7}).value();
  CHECK(touching.contiguous());
  CHECK(touching.run_offset(0) == 5 * 64);
  const auto apart = Selection::make_rows(meta, 0, std::vector<std::uint32_t>{9, 5, 6, 7, 9}).value();
  CHECK(apart.run_count() == 3);
  CHECK_FALSE(apart.uniform());
  CHECK(apart.run_bytes() == 64);
  CHECK(apart.run(1) == Selection::Run{.source_offset = 5 * 64, .dense_offset = 64, .length = 3 * 64});
  CHECK(apart.source_extent() == 10 * 64);
}

TEST_CASE("selection: pages along an inner axis keep the outer axes outermost", "[tensor]") {
  const TensorMeta meta{.dtype = DType::kU8, .shape = {2, 10, 4096}};
  const auto pages = Selection::make_rows(meta, 1, std::vector<std::uint32_t>{7, 1}).value();
  CHECK(pages.run_count() == 4);
  CHECK(pages.run_bytes() == 4096);
  CHECK(pages.run_offset(1) == 1 * 4096);
  CHECK(pages.run_offset(2) == 17 * 4096);
  CHECK(pages.meta().shape == Shape{2, 2, 4096});
}

TEST_CASE("selection: a callback that says false ends the walk after its run", "[tensor]") {
  const TensorMeta meta{.dtype = DType::kU8, .shape = {10, 8}};
  const auto columns = Selection::make(meta, {all, {0, 4}}).value();
  int calls = 0;
  const auto walked =
      columns.for_each(2, 100, [&](std::uint64_t, std::uint64_t, std::uint64_t) { return ++calls < 3; });
  CHECK(calls == 3);
  CHECK(walked == 2 + 4 + 4);
  CHECK(columns.for_each(38, 100, [](std::uint64_t, std::uint64_t, std::uint64_t) {}) == 2);
  CHECK(columns.for_each(40, 100, [](std::uint64_t, std::uint64_t, std::uint64_t) { FAIL(); }) == 0);
}

TEST_CASE("selection: nothing selected is a valid selection of no bytes", "[tensor]") {
  const TensorMeta meta{.dtype = DType::kF32, .shape = {4, 0, 3}};
  const auto whole = Selection::whole(meta).value();
  CHECK(whole.bytes() == 0);
  CHECK(whole.run_count() == 0);
  CHECK(whole.source_extent() == 0);
  CHECK(whole.contiguous());
  const auto rows = Selection::make_rows({.dtype = DType::kF32, .shape = {4, 3}}, 0, std::span<const RowRun>{}).value();
  CHECK(rows.bytes() == 0);
  CHECK(rows.meta().shape == Shape{0, 3});
}

TEST_CASE("selection: what lies outside the tensor is refused", "[tensor]") {
  const TensorMeta meta{.dtype = DType::kF32, .shape = {4, 3}};
  const auto refused = [](const Result<Selection>& result) {
    return !result && result.error().kind() == ErrorClass::kInvalidArgument;
  };
  CHECK(refused(Selection::make_rows(meta, 0, std::vector<std::uint32_t>{4})));
  CHECK(refused(Selection::make_rows(meta, 0, std::vector<RowRun>{{0, 5}})));
  CHECK(refused(Selection::make_rows(meta, 0, std::vector<RowRun>{{~0ull, 2}})));
  CHECK(refused(Selection::make_rows(meta, 2, std::vector<std::uint32_t>{0})));
  CHECK(refused(Selection::make_rows(meta, -3, std::vector<std::uint32_t>{0})));
  CHECK(refused(Selection::make(meta, {all, all, all})));
  CHECK(refused(Selection::make(meta, {{0, 4, 0}})));
  CHECK(refused(Selection::whole({.dtype = DType::kF32, .shape = {std::int64_t{1} << 62, 2}})));
  const auto negative = Selection::whole({.dtype = DType::kF32, .shape = {4}, .strides = {-1}});
  REQUIRE_FALSE(negative);
  CHECK(negative.error().kind() == ErrorClass::kUnsupported);
}

TEST_CASE("selection: 4-bit elements are cut on a byte or not at all", "[tensor]") {
  const TensorMeta even{.dtype = DType::kI4, .shape = {4, 6}};
  CHECK(Selection::make(even, {all, {2, 4}}).value().run_bytes() == 1);
  CHECK(Selection::make(even, {{1, 3}}).value().run_offset(0) == 3);
  CHECK_FALSE(Selection::make(even, {all, {1, 3}}));
  CHECK_FALSE(Selection::make(even, {all, {0, 3}}));
  CHECK_FALSE(Selection::make(even, {all, {0, 6, 2}}));
  const TensorMeta odd{.dtype = DType::kU4, .shape = {3, 3}};
  CHECK(Selection::whole(odd).value().bytes() == 5);
  CHECK_FALSE(Selection::make(odd, {{0, 1}}));
  CHECK_FALSE(Selection::make(odd, {{1, 3}}));
  CHECK(Selection::make(odd, {{2, 3}}).value().run_offset(0) == 3);  // elements 6 to 8, to the very end
}

TEST_CASE("selection: opaque bytes with a count of their own travel whole or not at all", "[tensor][X-1]") {
  const TensorMeta meta{.dtype = DType::kOpaque, .shape = {2, 3}, .opaque_type = "float32", .opaque_bytes = 17};
  const auto whole = Selection::whole(meta).value();
  CHECK(whole.bytes() == 17);
  CHECK(whole.run(0).length == 17);
  CHECK(whole.meta().shape == Shape{2, 3});
  CHECK_FALSE(Selection::make(meta, {{0, 1}}));
  CHECK_FALSE(Selection::make_rows(meta, 0, std::vector<std::uint32_t>{0}));
}
