#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <weft/tensor/safetensors_writer.hpp>

#include <tests/nodes/nodes.hpp>

using namespace weft;
using namespace weft::test;

namespace {

/// A folder of this test's own, gone with it.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weft-nodes-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

void write_file(const std::filesystem::path& path, const std::vector<std::pair<std::string, std::size_t>>& tensors) {
  std::vector<SafetensorsItem> items;
  for (const auto& [name, bytes] : tensors)
    items.push_back({.name = name, .meta = {.dtype = DType::kU8, .shape = {static_cast<std::int64_t>(bytes)}}});
  auto writer = need(SafetensorsWriter::open(path, items));
  for (std::size_t i = 0; i < tensors.size(); ++i)
    need(writer.write(i, 0, noise(tensors[i].second, tensors[i].second)));
  need(writer.finish());
}

}  // namespace

TEST_CASE("serve: the tensors of a file are pulled, whole and in part") {
  const Folder folder;
  write_file(folder / "m.safetensors", {{"a", 5}, {"b", 3'000'000}, {"c", 0}});
  auto server = start();
  auto client = start();
  CHECK(need(server.serve(folder / "m.safetensors", {.prefix = "m."})) == 3);
  CHECK(same_bytes(need(client.get(server.ticket(), "m.a").wait()), noise(5, 5)));
  CHECK(same_bytes(need(client.get(server.ticket(), "m.b").wait()), noise(3'000'000, 3'000'000)));
  CHECK(same_bytes(need(client.get(server.ticket(), "m.c").wait()), {}));
  const auto whole = noise(3'000'000, 3'000'000);
  const Tensor part = need(client.get(server.ticket(), "m.b", {.slice = {{1'000'000, 2'500'000}}}).wait());
  CHECK(same_bytes(part, {whole.begin() + 1'000'000, whole.begin() + 2'500'000}));
  const auto all = need(client.get_many(server.ticket(), {{.name = "m.a"}, {.name = "m.b"}, {.name = "m.c"}}).wait());
  CHECK(same_bytes(need(Result<Tensor>(all[1]->share())), whole));
}

TEST_CASE("serve: a folder is one generation, a name in two files is refused") {
  const Folder folder;
  write_file(folder / "1.safetensors", {{"a", 10}});
  write_file(folder / "2.safetensors", {{"b", 20}});
  auto server = start();
  auto client = start();
  CHECK(need(server.serve(folder.path())) == 2);
  const auto entries = need(client.list(server.ticket()).wait());
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].generation == entries[1].generation);
  write_file(folder / "3.safetensors", {{"a", 10}});
  CHECK(failure(server.serve(folder.path())) == ErrorClass::kMalformed);
  CHECK(failure(server.serve(folder / "absent.safetensors")) == ErrorClass::kNotFound);
}

TEST_CASE("serve: a file that was cut after it was served fails with its name, the node goes on") {
  const Folder folder;
  const auto path = folder / "m.safetensors";
  write_file(path, {{"a", 100}, {"b", 5'000'000}});
  auto server = start();
  auto client = start();
  need(server.serve(path));
  need(server.put("other", blob(1'000'000, 1)));
  std::filesystem::resize_file(path, 1'000'000);
  const auto cut = client.get(server.ticket(), "b").wait();
  CHECK(failure(cut) == ErrorClass::kMalformed);
  CHECK(cut.error().message().find("shorter") != std::string_view::npos);
  CHECK(same_bytes(need(client.get(server.ticket(), "other").wait()), noise(1'000'000, 1)));
  // The node itself is told the same.
  CHECK(failure(server.get(server.ticket(), "b").wait()) == ErrorClass::kMalformed);
}

TEST_CASE("serve: a file that lies is refused with the tensor's name") {
  const Folder folder;
  const auto path = folder / "m.safetensors";
  write_file(path, {{"layer", 1000}});
  std::filesystem::resize_file(path, 900);
  auto server = start();
  const auto refused = server.serve(path);
  CHECK(failure(refused) == ErrorClass::kMalformed);
  CHECK(refused.error().to_string().find("layer") != std::string::npos);
}
