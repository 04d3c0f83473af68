#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <weft/nodes/cli/grain_file.hpp>

using namespace weft;
using namespace weft::cli;

namespace {

struct Path {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("weft-grain-file-" + std::to_string(::getpid()));
  Path() { std::filesystem::remove(path); }
  ~Path() { std::filesystem::remove(path); }
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;
  std::string content() const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

std::array<std::byte, 4> piece(char of) { return {std::byte(of), std::byte(of), std::byte(of), std::byte(of)}; }

}  // namespace

TEST_CASE("grain file: pieces in any order, and again, make the file as long as it is") {
  const Path at;
  auto file = unwrap(GrainFile::create(at.path, 4));
  for (const int index : {2, 0, 2, 1}) REQUIRE(file.put(static_cast<std::uint64_t>(index), piece('a' + index)));
  CHECK_FALSE(file.is_whole());
  REQUIRE(file.finish(9));
  CHECK(file.is_whole());
  CHECK(at.content() == "aaaabbbbc");
}

TEST_CASE("grain file: lengths of no piece, of whole pieces, and of a byte more") {
  for (const std::uint64_t bytes : {0u, 1u, 4u, 5u, 8u}) {
    CAPTURE(bytes);
    const Path at;
    auto file = unwrap(GrainFile::create(at.path, 4));
    for (std::uint64_t index = 0; index * 4 < bytes; ++index) REQUIRE(file.put(index, piece('x')));
    REQUIRE(file.finish(bytes));
    CHECK(at.content() == std::string(bytes, 'x'));
  }
}

TEST_CASE("grain file: pieces that are missing, or too many, are told") {
  const Path at;
  auto file = unwrap(GrainFile::create(at.path, 4));
  CHECK(GrainFile::create(at.path, 4).error().kind() == ErrorClass::kExists);
  REQUIRE(file.put(0, piece('a')));
  REQUIRE(file.put(3, piece('d')));
  CHECK(file.finish(16).error().kind() == ErrorClass::kIntegrityFailure);  // 1 and 2
  REQUIRE(file.put(1, piece('b')));
  REQUIRE(file.put(2, piece('c')));
  CHECK(file.finish(17).error().kind() == ErrorClass::kIntegrityFailure);  // 4
  CHECK(file.finish(12).error().kind() == ErrorClass::kIntegrityFailure);  // 3 is too many
  CHECK_FALSE(file.is_whole());
  CHECK(file.put(4 + (1 << 20) + 1, piece('z')).error().kind() == ErrorClass::kMalformed);
  CHECK(file.put(~std::uint64_t{0}, piece('z')).error().kind() == ErrorClass::kMalformed);
  REQUIRE(file.finish(16));
  CHECK(at.content() == "aaaabbbbccccdddd");
}
