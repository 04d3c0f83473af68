#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <tests/engine/tensor/scratch.hpp>
#include <weft/tensor/safetensors.hpp>

using namespace weft;

namespace {

using Bytes = std::vector<std::byte>;

Bytes file_of(const std::string& json, std::uint64_t data_bytes) {
  Bytes file(8 + json.size() + data_bytes);
  const std::uint64_t length = json.size();
  std::memcpy(file.data(), &length, 8);
  std::memcpy(file.data() + 8, json.data(), json.size());
  return file;
}

Result<SafetensorsHeader> parse(const std::string& json, std::uint64_t data_bytes) {
  const Bytes file = file_of(json, data_bytes);
  return SafetensorsHeader::parse(file, file.size());
}

const std::string kGolden =
    R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
    R"("b":{"dtype":"BF16","shape":[3],"data_offsets":[24,30]},"e":{"dtype":"U8","shape":[0,7],"data_offsets":[24,24]},)"
    R"("s":{"dtype":"F64","shape":[],"data_offsets":[30,38]},"q":{"dtype":"F4","shape":[2,2],"data_offsets":[38,40]}})";
constexpr std::uint64_t kGoldenData = 40;

// What the class promises of every header that it lets pass.
void check_consistent(const SafetensorsHeader& header, std::uint64_t file_bytes) {
  std::uint64_t at = header.data_offset();
  REQUIRE(at <= file_bytes);
  for (const SafetensorsEntry& entry : header.entries()) {
    REQUIRE(entry.offset == at);
    REQUIRE(entry.meta.validate());
    REQUIRE(entry.meta.byte_size().value() == entry.bytes);
    REQUIRE(header.find(entry.name) == &entry);
    at += entry.bytes;
  }
  REQUIRE(at == file_bytes);
}

}  // namespace

TEST_CASE("safetensors: a good header is read whole", "[tensor]") {
  const auto header = parse(kGolden, kGoldenData);
  REQUIRE(header);
  check_consistent(*header, 8 + kGolden.size() + kGoldenData);
  REQUIRE(header->entries().size() == 5);
  CHECK(header->metadata() == SafetensorsMetadata{{"format", "pt"}});
  const SafetensorsEntry* w = header->find("w");
  REQUIRE(w);
  CHECK(w->meta.dtype == DType::kF32);
  CHECK(w->meta.shape == Shape{2, 3});
  CHECK(w->offset == header->data_offset());
  CHECK(header->find("q")->meta.dtype == DType::kF4E2M1);
  CHECK(header->find("s")->meta.shape.rank() == 0);
  CHECK(header->find("nope") == nullptr);
  CHECK(parse("{}", 0).value().entries().empty());
  CHECK(parse("{}   \n ", 0));
}

TEST_CASE("safetensors: what breaks a rule of the format is refused, naming the tensor and the fault",
          "[tensor][T4][T13]") {
  struct Case {
    std::string json;
    std::uint64_t data;
    std::string said;
    ErrorClass kind = ErrorClass::kMalformed;
  };
  const auto tensor = [](const std::string& fields) { return "{\"w\":{" + fields + "}}"; };
  const std::string kShape4 = R"("dtype":"U8","shape":[4],)";
  const std::string long_name(256, 'x');
  const Case cases[] = {
      {"", 0, "begin with {"},
      {" {}", 0, "begin with {"},
      {"[]", 0, "begin with {"},
      {"{", 0, "no JSON"},
      {"{}}", 0, "no JSON"},
      {"{}{}", 0, "no JSON"},
      {std::string("{}\0x", 4), 0, "NUL"},
      {"{\"\xff\":1}", 0, "no JSON"},
      {R"({"w":1})", 0, "\"w\": a number in place of an object"},
      {R"({"w":[]})", 0, "\"w\": an array in place of an object"},
      {R"({"w":null})", 0, "\"w\": null"},
      {tensor(""), 0, "no dtype"},
      {tensor(R"("dtype":"U8","shape":[4])"), 4, "no data_offsets"},
      {tensor(R"("dtype":"U8","data_offsets":[0,4])"), 4, "no shape"},
      {tensor(R"("shape":[4],"data_offsets":[0,4])"), 4, "no dtype"},
      {tensor(kShape4 + R"("data_offsets":[0,4],"extra":1)"), 4, "\"extra\""},
      {tensor(kShape4 + R"("dtype":"U8","data_offsets":[0,4])"), 4, "dtype stands there twice"},
      {tensor(R"("dtype":"U9","shape":[4],"data_offsets":[0,4])"), 4, "\"w\": the dtype \"U9\" is not known",
       ErrorClass::kUnsupported},
      {tensor(R"("dtype":7,"shape":[4],"data_offsets":[0,4])"), 4, "a number in place of its dtype"},
      {tensor(R"("dtype":"U8","shape":4,"data_offsets":[0,4])"), 4, "a number in place of its shape"},
      {tensor(R"("dtype":"U8","shape":{},"data_offsets":[0,4])"), 4, "an object in place of its shape"},
      {tensor(R"("dtype":"U8","shape":[-4],"data_offsets":[0,4])"), 4, "a negative number in its shape"},
      {tensor(R"("dtype":"U8","shape":[4.0],"data_offsets":[0,4])"), 4, "not whole"},
      {tensor(R"("dtype":"U8","shape":[1e2],"data_offsets":[0,100])"), 100, "not whole"},
      {tensor(R"("dtype":"U8","shape":[[4]],"data_offsets":[0,4])"), 4, "an array in its shape"},
      {tensor(R"("dtype":"U8","shape":["4"],"data_offsets":[0,4])"), 4, "text in its shape"},
      {tensor(R"("dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,4])"), 4, "an axis of"},
      {tensor(R"("dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,4])"), 4, "64 bits"},
      {tensor(R"("dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0])"), 0, "63 bits"},
      {tensor(R"("dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0])"), 0, "more than"},
      {tensor(
           R"("dtype":"U8","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,1])"),
       1, "32 axes", ErrorClass::kUnsupported},
      {tensor(R"("dtype":"F4","shape":[3],"data_offsets":[0,2])"), 2, "odd number of 4-bit"},
      {tensor(kShape4 + R"("data_offsets":[0])"), 4, "not two numbers"},
      {tensor(kShape4 + R"("data_offsets":[0,4,4])"), 4, "not two numbers"},
      {tensor(kShape4 + R"("data_offsets":[4,0])"), 4, "do not lie in"},
      {tensor(kShape4 + R"("data_offsets":[0,5])"), 4, "do not lie in"},
      {tensor(kShape4 + R"("data_offsets":[18446744073709551612,18446744073709551615])"), 4, "do not lie in"},
      {tensor(kShape4 + R"("data_offsets":[0,3])"), 4, "takes 4 bytes"},
      {tensor(kShape4 + R"("data_offsets":[1,5])"), 5, "\"w\": it starts at byte 1 of the data, later"},
      {tensor(kShape4 + R"("data_offsets":[0,4])"), 5, "the file has 5"},
      {"{}", 1, "the file has 1"},
      {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"w":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}})",
       7, "\"w\": it starts at byte 3 of the data, earlier"},
      {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"w":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}})",
       9, "\"w\": it starts at byte 5 of the data, later"},
      {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
       4, "\"w\": it starts at byte 0 of the data, earlier"},
      {R"({"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"w":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
       4, "\"w\": it stands there twice"},
      {R"({"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"\u0077":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
       4, "\"w\": it stands there twice"},
      {R"({"__metadata__":{},"__metadata__":{}})", 0, "twice"},
      {R"({"__metadata__":{"a":"1","a":"2"}})", 0, "\"a\" stands there twice"},
      {R"({"__metadata__":{"a":1}})", 0, "\"a\" is a number and not text"},
      {R"({"__metadata__":{"a":{}}})", 0, "\"a\" is an object and not text"},
      {R"({"__metadata__":[]})", 0, "an array"},
      {R"({"w\u0000":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})", 1, "not UTF-8 without NUL"},
      {"{\"" + long_name + R"(":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})", 1, "longer than 255",
       ErrorClass::kUnsupported},
  };
  for (const Case& item : cases) {
    INFO(item.json);
    const auto header = parse(item.json, item.data);
    REQUIRE_FALSE(header);
    CHECK(header.error().kind() == item.kind);
    INFO(header.error().message());
    CHECK(header.error().message().find(item.said) != std::string::npos);
  }
}

TEST_CASE("safetensors: the length field is held against the file and the limit", "[tensor][T4]") {
  Bytes file = file_of("{}", 0);
  const auto with_length = [&](std::uint64_t length, std::uint64_t file_bytes) {
    std::memcpy(file.data(), &length, 8);
    return SafetensorsHeader::parse(file, file_bytes);
  };
  CHECK(with_length(2, 10));
  CHECK_FALSE(with_length(3, 10));
  CHECK_FALSE(with_length(3, 11));  // the file has it, the prefix does not
  CHECK_FALSE(with_length(0, 10));
  CHECK_FALSE(with_length(~0ull, 10));
  CHECK_FALSE(with_length(~0ull - 7, 10));
  CHECK_FALSE(with_length(kMaxSafetensorsHeaderBytes + 1, ~0ull));
  CHECK(SafetensorsHeader::measure(file_of("{}", 0), 10).value() == 10);
  CHECK_FALSE(SafetensorsHeader::measure(file_of("{} ", 0), 10));
  CHECK_FALSE(SafetensorsHeader::measure(file_of("{}", 0), 7));
}

TEST_CASE("safetensors: a file cut anywhere is refused", "[tensor][T4]") {
  const Bytes file = file_of(kGolden, kGoldenData);
  for (std::size_t length = 0; length < file.size(); ++length) {
    const Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length));
    INFO(length);
    const auto header = SafetensorsHeader::parse(cut, cut.size());
    REQUIRE_FALSE(header);
    REQUIRE(header.error().kind() == ErrorClass::kMalformed);
  }
}

TEST_CASE("safetensors: with any bit of its header flipped a file is refused or read consistently", "[tensor][T4]") {
  const Bytes file = file_of(kGolden, kGoldenData);
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < (8 + kGolden.size()) * 8; ++bit) {
    Bytes damaged = file;
    damaged[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    INFO("bit " << bit);
    const auto header = SafetensorsHeader::parse(damaged, damaged.size());
    if (header) {
      check_consistent(*header, damaged.size());
    } else {
      ++refused;
      const ErrorClass kind = header.error().kind();  // one flip makes another dtype of a known one
      REQUIRE((kind == ErrorClass::kMalformed || kind == ErrorClass::kUnsupported));
    }
  }
  CHECK(refused > 8 * kGolden.size() / 2);
}

TEST_CASE("safetensors: nesting without end does not exhaust the stack", "[tensor][T4]") {
  CHECK_FALSE(parse(R"({"__metadata__":)" + std::string(1'000'000, '['), 0));
  CHECK_FALSE(parse(R"({"w":{"shape":)" + std::string(1'000'000, '['), 0));
}

TEST_CASE("safetensors: a file is opened by path and read at its offsets", "[tensor]") {
  const ScratchFolder folder;
  Bytes file = file_of(kGolden, kGoldenData);
  for (std::size_t at = 0; at < kGoldenData; ++at) file[8 + kGolden.size() + at] = static_cast<std::byte>(at);
  const auto path = folder.write("golden.safetensors", file);
  const auto opened = SafetensorsFile::open(path);
  REQUIRE(opened);
  const SafetensorsEntry* b = opened->header().find("b");
  REQUIRE(b);
  Bytes read(b->bytes);
  REQUIRE(opened->read(b->offset, read));
  CHECK(read.front() == std::byte{24});
  CHECK(read.back() == std::byte{29});
  std::filesystem::resize_file(path, 100);
  const auto shrunk = opened->read(b->offset, read);
  REQUIRE_FALSE(shrunk);
  CHECK(shrunk.error().kind() == ErrorClass::kMalformed);
}

TEST_CASE("safetensors: what is no such file is refused with its path", "[tensor]") {
  const ScratchFolder folder;
  const auto missing = SafetensorsFile::open(folder.path() / "nope");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind() == ErrorClass::kNotFound);
  CHECK(SafetensorsFile::open(folder.path()).error().kind() == ErrorClass::kInvalidArgument);
  const auto path = folder.write("short", Bytes(3));
  const auto cut = SafetensorsFile::open(path);
  REQUIRE_FALSE(cut);
  CHECK(cut.error().kind() == ErrorClass::kMalformed);
  CHECK(cut.error().message().find(path.string()) != std::string::npos);
  CHECK_FALSE(cut.error().hint().empty());
}
