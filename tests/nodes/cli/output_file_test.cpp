#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <weft/nodes/cli/output_file.hpp>

using namespace weft;
using namespace weft::cli;

TEST_CASE("output file: a folder that is not there is a usage error, and says how it is made") {
  const auto folder = std::filesystem::temp_directory_path() / ("weft-output-" + std::to_string(::getpid()));
  std::filesystem::remove_all(folder);
  const auto missing = check_folder("--file", folder);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind() == ErrorClass::kInvalidArgument);
  CHECK(missing.error().message().starts_with("--file: "));
  CHECK(missing.error().hint() == "mkdir -p " + folder.string());
  CHECK(make_folder("-o", folder / "a" / "b"));
  CHECK(check_folder("-o", folder / "a" / "b"));
  std::filesystem::remove_all(folder);
  CHECK(folder_of("x") == ".");
  CHECK(folder_of("/a/x") == "/a");
}

TEST_CASE("output file: what is free, and the limit of a file's size, are where room ends") {
  const auto folder = std::filesystem::temp_directory_path();
  struct statvfs disk{};
  REQUIRE(::statvfs(folder.c_str(), &disk) == 0);
  const std::uint64_t all = disk.f_blocks * disk.f_frsize;
  CHECK(check_room(folder, 0));
  CHECK(check_room(folder, all + 1, all + 1));         // it is there already
  CHECK(check_room("/proc", std::uint64_t{1} << 60));  // says nothing of its size
  const auto full = check_room(folder, all + 1);
  REQUIRE_FALSE(full);
  CHECK(full.error().kind() == ErrorClass::kResourceExhausted);
  CHECK(full.error().message().find(folder.string() + ", where ") != std::string_view::npos);
  struct rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  struct rlimit limit = before;
  limit.rlim_cur = 1000;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  const bool at = check_room(folder, 1000).has_value();
  const bool past = check_room(folder, 1001).has_value();
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK(at);
  CHECK_FALSE(past);
}
