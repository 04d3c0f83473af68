#include <set>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <weft/nodes/cli/file_name.hpp>

using weft::cli::safe_file_name;

TEST_CASE("file names: an ordinary tensor's name is its file's", "[T13]") {
  CHECK(safe_file_name("layers.0.self_attn.q_proj.weight") == "layers.0.self_attn.q_proj.weight");
}

TEST_CASE("file names: no name leaves its folder, hides, or reads as an option", "[T13]") {
  CHECK(safe_file_name("..") == "%2E.");
  CHECK(safe_file_name(".") == "%2E");
  CHECK(safe_file_name("../../etc/passwd") == "%2E.%2F..%2Fetc%2Fpasswd");
  CHECK(safe_file_name("/abs") == "%2Fabs");
  CHECK(safe_file_name("-rf") == "%2Drf");
  CHECK(safe_file_name("") == "%");
  for (int byte = 0; byte < 256; ++byte) {
    const auto name = safe_file_name(std::string(3, static_cast<char>(byte)));
    CHECK(name.find_first_of(std::string("/\\\0\n\x1b", 5)) == std::string::npos);
    CHECK(name.front() != '.');
    CHECK(name.front() != '-');
  }
}

TEST_CASE("file names: different names stay different, long ones too", "[T13]") {
  std::set<std::string> seen;
  for (const std::string name : {"a/b", "a_b", "a%2Fb", "a b", "A/b", "a/b/", "%", ""})
    seen.insert(safe_file_name(name));
  CHECK(seen.size() == 8);
  const auto one = safe_file_name(std::string(254, '/') + "a");
  const auto two = safe_file_name(std::string(254, '/') + "b");
  CHECK(one != two);
  CHECK(one.size() <= 200);
}
