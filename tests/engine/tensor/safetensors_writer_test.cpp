#include <sys/resource.h>
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include <tests/engine/tensor/scratch.hpp>
#include <weft/tensor/safetensors_writer.hpp>

using namespace weft;

namespace {

using Bytes = std::vector<std::byte>;

std::vector<SafetensorsItem> items() {
  return {{"narrow", {.dtype = DType::kU8, .shape = {3}}},
          {"b \"quoted\" ü", {.dtype = DType::kF32, .shape = {2, 2}}},
          {"a", {.dtype = DType::kF32, .shape = {1}, .strides = {1}}},
          {"empty", {.dtype = DType::kF16, .shape = {0, 4}}},
          {"four", {.dtype = DType::kF4E2M1, .shape = {2, 3}}},
          {"scalar", {.dtype = DType::kI64}}};
}

Bytes counted(std::uint64_t size, int first) {
  Bytes bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(first++);
  return bytes;
}

// No file of the process may grow over `bytes` while this lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

}  // namespace

TEST_CASE("safetensors writer: what it wrote reads back, byte for byte", "[tensor]") {
  const ScratchFolder folder;
  const auto path = folder.path() / "model.safetensors";
  const auto given = items();
  auto writer = SafetensorsWriter::open(path, given, {{"format", "pt"}});
  REQUIRE(writer);
  for (std::size_t at = 0; at < given.size(); ++at) {
    const Bytes bytes = counted(writer->bytes_of(at), static_cast<int>(at) * 32);
    const std::size_t half = bytes.size() / 2;
    REQUIRE(writer->write(at, half, std::span{bytes}.subspan(half)));
    REQUIRE(writer->write(at, 0, std::span{bytes}.first(half)));
  }
  CHECK_FALSE(std::filesystem::exists(path));
  REQUIRE(writer->finish());
  CHECK_FALSE(writer->finish());
  CHECK_FALSE(std::filesystem::exists(path.string() + ".part"));

  const auto file = SafetensorsFile::open(path);
  REQUIRE(file);
  CHECK(file->header().metadata() == SafetensorsMetadata{{"format", "pt"}});
  CHECK(file->header().data_offset() % 8 == 0);
  REQUIRE(file->entries().size() == given.size());
  for (std::size_t at = 0; at < given.size(); ++at) {
    const SafetensorsEntry* entry = file->header().find(given[at].name);
    REQUIRE(entry);
    CHECK(entry->meta.shape == given[at].meta.shape);
    CHECK(entry->meta.dtype == given[at].meta.dtype);
    CHECK(entry->offset == writer->offset_of(at));
    Bytes read(entry->bytes);
    REQUIRE(file->read(entry->offset, read));
    CHECK(read == counted(entry->bytes, static_cast<int>(at) * 32));
  }
}

TEST_CASE("safetensors writer: wide elements go first, then names in order", "[tensor]") {
  const auto layout = SafetensorsLayout::make(items());
  REQUIRE(layout);
  const auto& offsets = layout->offsets;
  CHECK(offsets[5] == layout->header.size());  // scalar, 64 bits
  CHECK(offsets[2] == offsets[5] + 8);         // a, 32
  CHECK(offsets[1] == offsets[2] + 4);         // b
  CHECK(offsets[3] == offsets[1] + 16);        // empty, 16
  CHECK(offsets[0] == offsets[3]);             // narrow, 8
  CHECK(offsets[4] == offsets[0] + 3);         // four, 4
  CHECK(layout->file_bytes == offsets[4] + 3);
  CHECK(layout->header.size() % 8 == 0);
  const auto empty = SafetensorsLayout::make({});
  REQUIRE(empty);
  CHECK(SafetensorsHeader::parse(empty->header, empty->file_bytes));
}

TEST_CASE("safetensors writer: types of one width have the order of the format's own library", "[tensor]") {
  const std::vector<DType> order{DType::kU64, DType::kI64,    DType::kF64,    DType::kC64,    DType::kF32,
                                 DType::kU32, DType::kI32,    DType::kBF16,   DType::kF16,    DType::kU16,
                                 DType::kI16, DType::kF8E8M0, DType::kF8E4M3, DType::kF8E5M2, DType::kI8,
                                 DType::kU8,  DType::kF4E2M1, DType::kBool};
  std::vector<SafetensorsItem> all;
  for (const DType dtype : order) all.push_back({std::string(to_string(dtype)), {.dtype = dtype, .shape = {2}}});
  std::ranges::reverse(all);
  const auto layout = SafetensorsLayout::make(all);
  REQUIRE(layout);
  const auto header = SafetensorsHeader::parse(layout->header, layout->file_bytes);
  REQUIRE(header);
  REQUIRE(header->entries().size() == order.size());
  for (std::size_t i = 0; i < order.size(); ++i) CHECK(header->entries()[i].meta.dtype == order[i]);
}

TEST_CASE("safetensors writer: what the format cannot hold is refused, naming the tensor", "[tensor]") {
  const auto refused = [](const SafetensorsItem& item) {
    const auto layout = SafetensorsLayout::make(std::vector{item});
    REQUIRE_FALSE(layout);
    CHECK(layout.error().message().find("tensor \"") != std::string::npos);
    return layout.error().kind();
  };
  CHECK(refused({"x", {.dtype = DType::kOpaque, .shape = {4}}}) == ErrorClass::kUnsupported);
  CHECK(refused({"x", {.dtype = DType::kI4, .shape = {4}}}) == ErrorClass::kUnsupported);
  CHECK(refused({"x", {.dtype = DType::kC128, .shape = {4}}}) == ErrorClass::kUnsupported);
  CHECK(refused({"x", {.dtype = DType::kF4E2M1, .shape = {3}}}) == ErrorClass::kUnsupported);
  CHECK(refused({"x", {.dtype = DType::kU8, .shape = {-1}}}) == ErrorClass::kInvalidArgument);
  CHECK(refused({"__metadata__", {.dtype = DType::kU8}}) == ErrorClass::kInvalidArgument);
  CHECK(refused({std::string(256, 'x'), {.dtype = DType::kU8}}) == ErrorClass::kInvalidArgument);
  CHECK(refused({"\xff", {.dtype = DType::kU8}}) == ErrorClass::kInvalidArgument);
  const std::vector<SafetensorsItem> twice{{"x", {.dtype = DType::kU8}}, {"x", {.dtype = DType::kU8}}};
  CHECK(SafetensorsLayout::make(twice).error().kind() == ErrorClass::kInvalidArgument);
  CHECK_FALSE(SafetensorsLayout::make({}, {{"k", "\xff"}}));
}

TEST_CASE("safetensors writer: given up it leaves no file, and an older one as it was", "[tensor]") {
  const ScratchFolder folder;
  const Bytes old = counted(5, 1);
  const auto path = folder.write("model.safetensors", old);
  {
    auto writer = SafetensorsWriter::open(path, items());
    REQUIRE(writer);
    CHECK(std::filesystem::exists(path.string() + ".part"));
    const auto moved = std::move(*writer);
    CHECK(std::filesystem::exists(path.string() + ".part"));
  }
  CHECK_FALSE(std::filesystem::exists(path.string() + ".part"));
  CHECK(folder.read("model.safetensors") == old);
}

TEST_CASE("safetensors writer: a part file that a dead process left is taken over, a living one's is not", "[tensor]") {
  const ScratchFolder folder;
  const auto path = folder.path() / "m";
  folder.write("m.part", counted(100'000, 1));
  auto first = SafetensorsWriter::open(path, items());
  REQUIRE(first);
  const auto second = SafetensorsWriter::open(path, items());
  REQUIRE_FALSE(second);
  CHECK(second.error().kind() == ErrorClass::kExists);
  REQUIRE(first->finish());
  CHECK(std::filesystem::file_size(path) == first->file_bytes());
  CHECK(SafetensorsFile::open(path));
}

TEST_CASE("safetensors writer: no byte goes past its tensor", "[tensor]") {
  const ScratchFolder folder;
  auto writer = SafetensorsWriter::open(folder.path() / "m", items());
  REQUIRE(writer);
  const Bytes four(4);
  CHECK_FALSE(writer->write(0, 0, four));
  CHECK_FALSE(writer->write(0, ~0ull, four));
  CHECK_FALSE(writer->write(6, 0, {}));
  CHECK(writer->write(1, 12, four));
  CHECK_FALSE(writer->write(1, 13, four));
}

TEST_CASE("safetensors writer: a disk without room is said at once, and nothing stays on it", "[tensor]") {
  const ScratchFolder folder;
  const auto path = folder.path() / "m";
  const std::vector<SafetensorsItem> large{{"x", {.dtype = DType::kU8, .shape = {1 << 20}}}};
  {
    const FileSizeLimit limit{4096};
    const auto writer = SafetensorsWriter::open(path, large);
    REQUIRE_FALSE(writer);
    CHECK(writer.error().kind() == ErrorClass::kResourceExhausted);
    CHECK_FALSE(writer.error().hint().empty());
  }
  CHECK(std::filesystem::is_empty(folder.path()));
  CHECK(SafetensorsWriter::open(folder.path() / "no" / "folder", large).error().kind() == ErrorClass::kNotFound);
}
