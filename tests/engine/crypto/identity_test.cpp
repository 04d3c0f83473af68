#include <weft/crypto/identity.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using namespace weft;
using crypto::Identity;
namespace fs = std::filesystem;

namespace {

struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "weft-identity-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path); }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path), fs::directory_iterator{}));
  }
  fs::path path;
};

mode_t mode_of(const fs::path& path) {
  struct stat status{};
  REQUIRE(stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("identity: two fresh ones differ", "[crypto]") {
  const auto one = Identity::generate(), two = Identity::generate();
  REQUIRE(one);
  REQUIRE(two);
  CHECK(one->node_id() != two->node_id());
  CHECK(one->node_id() != NodeId{});
  CHECK(crypto::node_id_of(one->key()).value() == one->node_id());
  CHECK(one->certificate() != nullptr);
}

TEST_CASE("identity: saved and loaded it is the same, in a file of mode 0600", "[crypto]") {
  const Folder folder;
  const auto identity = Identity::generate().value();
  const fs::path path = folder.path / "identity";
  REQUIRE(identity.save(path));
  CHECK(mode_of(path) == 0600);
  CHECK(folder.entries() == 1);
  CHECK(Identity::load(path).value().node_id() == identity.node_id());
}

TEST_CASE("identity: a file that others may read is refused and the hint says chmod", "[crypto]") {
  const Folder folder;
  const fs::path path = folder.path / "identity";
  REQUIRE(Identity::generate().value().save(path));
  for (const mode_t mode : {0604u, 0640u, 0644u, 0620u, 0602u, 0601u}) {
    REQUIRE(chmod(path.c_str(), mode) == 0);
    const auto loaded = Identity::load(path);
    // Only another user than root, reading root's file, may do so by its group.
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().kind() == ErrorClass::kForbidden);
    CHECK(loaded.error().hint().find("chmod 600") != std::string_view::npos);
  }
  REQUIRE(chmod(path.c_str(), 0400) == 0);
  CHECK(Identity::load(path));
}

TEST_CASE("identity: an existing file is never replaced", "[crypto]") {
  const Folder folder;
  const fs::path path = folder.path / "identity";
  const auto first = Identity::generate().value();
  REQUIRE(first.save(path));
  const auto again = Identity::generate().value().save(path);
  REQUIRE_FALSE(again);
  CHECK(again.error().kind() == ErrorClass::kExists);
  CHECK(folder.entries() == 1);
  CHECK(Identity::load(path).value().node_id() == first.node_id());
}

TEST_CASE("identity: load_or_create makes it once", "[crypto]") {
  const Folder folder;
  const fs::path path = folder.path / "identity";
  const auto made = Identity::load_or_create(path);
  REQUIRE(made);
  CHECK(Identity::load_or_create(path).value().node_id() == made->node_id());
}

TEST_CASE("identity: what is not there, no key, no file or not writable is told apart", "[crypto]") {
  const Folder folder;
  const auto absent = Identity::load(folder.path / "none");
  CHECK(absent.error().kind() == ErrorClass::kNotFound);
  CHECK(absent.error().native_code() == ENOENT);

  const fs::path garbage = folder.path / "garbage";
  std::ofstream(garbage) << "-----BEGIN PRIVATE KEY-----\nnonsense\n";
  REQUIRE(chmod(garbage.c_str(), 0600) == 0);
  const auto unparsed = Identity::load(garbage);
  CHECK(unparsed.error().kind() == ErrorClass::kMalformed);
  CHECK_FALSE(unparsed.error().hint().empty());

  std::ofstream(garbage) << std::string(100'000, 'x');
  CHECK(Identity::load(garbage).error().kind() == ErrorClass::kMalformed);

  CHECK(Identity::load(folder.path).error().kind() == ErrorClass::kInvalidArgument);
  CHECK(Identity::load_or_create(folder.path / "no" / "folder").error().kind() == ErrorClass::kNotFound);
}
