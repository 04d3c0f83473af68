#include <weft/wire/digest.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <random>
#include <string_view>
#include <vector>

#include <weft/wire/digest_kernel.hpp>

namespace weft::wire::test {
namespace {

std::vector<std::byte> random_bytes(std::size_t size) {
  std::mt19937_64 engine{size};
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(engine());
  return bytes;
}

/// xxHash's own test data: the high bytes of a multiplicative sequence.
std::vector<std::byte> sanity_bytes(std::size_t size) {
  std::vector<std::byte> bytes(size);
  std::uint64_t state = 2654435761u;
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(state >> 56);
    state *= 11400714785074694797u;
  }
  return bytes;
}

TEST_CASE("leaf digest: the values that XXH3 publishes", "[wire]") {
  CHECK(leaf_of({}) == 0x2D06800538D394C2);
  CHECK(leaf_of(sanity_bytes(1)) == 0xC44BDFF4074EECDB);
  CHECK(leaf_of(sanity_bytes(6)) == 0x27B56A84CD2D7325);
  CHECK(leaf_of(sanity_bytes(12)) == 0xA713DAF0DFBB77E7);
  CHECK(leaf_of(sanity_bytes(24)) == 0xA3FE70BF9D3510EB);
  CHECK(leaf_of(sanity_bytes(48)) == 0x397DA259ECBA1F11);
  CHECK(leaf_of(sanity_bytes(80)) == 0xBCDEFBBB2C47C90A);
  CHECK(leaf_of(sanity_bytes(195)) == 0xCD94217EE362EC3A);
  CHECK(leaf_of(sanity_bytes(403)) == 0xCDEB804D65C6DEA4);
  CHECK(leaf_of(sanity_bytes(2048)) == 0xDD59E2C3A5F038E0);
}

TEST_CASE("digests: every kernel that this CPU runs gives the same", "[wire]") {
  const detail::DigestKernels kernels = detail::digest_kernels();
  REQUIRE(kernels.count >= 1);
  const auto plain = detail::kPlainKernel;
  for (std::size_t size :
       {0, 1, 3, 8, 16, 17, 128, 129, 240, 241, 255, 256, 1023, 1024, 1025, 4096, 65537, 262143, 262144}) {
    const auto bytes = random_bytes(size + 1);
    std::array<unsigned char, 16> expected{};
    plain.root(bytes.data(), 16 < size ? 16 : 0, bytes.data() + 1, size, expected.data());
    for (std::size_t i = 0; i < kernels.count; ++i) {
      const detail::DigestKernel& kernel = *kernels.kernel[i];
      CAPTURE(kernel.name, size);
      CHECK(kernel.leaf(bytes.data() + 1, size) == plain.leaf(bytes.data() + 1, size));
      alignas(64) std::array<std::byte, detail::kStateBytes> state;
      kernel.begin(state.data());
      for (std::size_t at = 0, part = 1; at < size; at += part, part = std::min(3 * part, size - at))
        kernel.add(state.data(), bytes.data() + 1 + at, part);
      CHECK(kernel.end(state.data()) == plain.leaf(bytes.data() + 1, size));
      std::array<unsigned char, 16> root{};
      kernel.root(bytes.data(), 16 < size ? 16 : 0, bytes.data() + 1, size, root.data());
      CHECK(root == expected);
    }
  }
}

TEST_CASE("root digest: fixed for ever, and different for anything that differs", "[wire][T18]") {
  const Leaf leaves[] = {1, 2, 3};
  const Digest root = root_of(700000, {42}, leaves);
  CHECK(root.to_string() == "fc93fb3dff8aa1fdadbd9616a4e546aa");
  CHECK(root_of(0, {1}, {}).to_string() == "206effdcb542372df2acedb3feda973a");
  CHECK(root_of(700001, {42}, leaves) != root);
  CHECK(root_of(700000, {43}, leaves) != root);
  CHECK(root_of(700000, {42}, std::span{leaves}.first(2)) != root);
  const Leaf swapped[] = {2, 1, 3};
  CHECK(root_of(700000, {42}, swapped) != root);
}

TEST_CASE("leaf count: one for each 256 KiB begun", "[wire]") {
  CHECK(leaf_count(0) == 0);
  CHECK(leaf_count(1) == 1);
  CHECK(leaf_count(kLeafBytes) == 1);
  CHECK(leaf_count(kLeafBytes + 1) == 2);
  CHECK(leaf_count(UINT64_MAX) == UINT64_MAX / kLeafBytes + 1);
}

}  // namespace
}  // namespace weft::wire::test
