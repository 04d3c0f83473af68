#include <random>

#include <catch2/catch_test_macros.hpp>

#include <weft/transfer/space.hpp>

using namespace weft;
using weft::transfer::Space;

TEST_CASE("space: large entries start on a piece, small ones on 64 bytes, and none of those straddles a piece") {
  Space space;
  space.reset(kLeafBytes);
  REQUIRE(space.add(100));
  REQUIRE(space.add(kLeafBytes - 100));  // would straddle
  REQUIRE(space.add(3 * kLeafBytes + 1));
  REQUIRE(space.add(10));
  REQUIRE(space.entries()[0].offset == 0);
  CHECK(space.entries()[1].offset == kLeafBytes);
  CHECK(space.entries()[2].offset == 2 * kLeafBytes);
  CHECK(space.entries()[3].offset == 5 * kLeafBytes + 64);
  CHECK(space.leaves() == 1 + 1 + 4 + 1);
  CHECK(space.payload() == 100 + kLeafBytes - 100 + 3 * kLeafBytes + 1 + 10);
}

TEST_CASE("space: for random entries every leaf lies in exactly one piece and every byte in exactly one leaf") {
  std::mt19937_64 random{7};
  for (int round = 0; round < 300; ++round) {
    Space space;
    const std::uint64_t piece = kLeafBytes << (random() % 3);
    space.reset(piece);
    std::uint64_t bytes = 0;
    for (std::size_t n = random() % 12; n > 0; --n) {
      const std::uint64_t size = random() % 5 == 0 ? 0 : random() % (random() % 2 == 0 ? 5000 : 4 * piece);
      REQUIRE(space.add(size));
      bytes += size;
    }
    std::uint32_t leaves = 0;
    std::uint64_t covered = 0;
    for (std::uint32_t p = 0; p < space.pieces(); ++p) {
      const auto range = space.leaves_of(p);
      REQUIRE(range.first == leaves);
      leaves += range.count;
      for (std::uint32_t i = range.first; i < range.first + range.count; ++i) {
        const auto leaf = space.leaf(i);
        REQUIRE(leaf.bytes > 0);
        REQUIRE(leaf.offset >= space.piece_begin(p));
        REQUIRE(leaf.offset + leaf.bytes <= space.piece_end(p));
        REQUIRE(space.piece_of_leaf(i) == p);
        covered += leaf.bytes;
      }
    }
    CHECK(leaves == space.leaves());
    CHECK(covered == bytes);
  }
}

TEST_CASE("space: more than an immediate's pieces is refused and leaves the space as it was") {
  Space space;
  space.reset(kLeafBytes);
  REQUIRE(space.add(kMaxPieces * kLeafBytes));
  const auto more = space.add(1);
  REQUIRE_FALSE(more);
  CHECK(more.error().kind() == ErrorClass::kResourceExhausted);
  CHECK(space.pieces() == kMaxPieces);
  CHECK_FALSE(space.add(~std::uint64_t{0}));
}
