#include <weft/wire/codec.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

#include <weft/base/limits.hpp>
#include <weft/wire/digest.hpp>

namespace weft::wire::test {
namespace {

bool passes(const Message& message) {
  Encoder encoder;
  const auto head = encoder.encode(message);
  REQUIRE(head.has_value());
  const std::vector<std::byte> frame{head->begin(), head->end()};
  Decoder decoder;
  const auto decoded = decoder.decode(frame);
  if (!decoded) REQUIRE(decoded.error().kind() == ErrorClass::kMalformed);
  return decoded.has_value();
}

bool passes_entry(const EntryAnswer& entry) { return passes(Response{.entries = {&entry, 1}}); }
bool passes_name(std::string_view name) { return passes(Request{.what = {.names = {&name, 1}}}); }
bool passes_part(const Part& part) { return passes(Request{.parts = {&part, 1}}); }
bool passes_where(const Where& where) { return passes(Grant{.where = where}); }
bool passes_wanted(std::vector<PieceRange> wanted) { return passes(Grant{.wanted = wanted}); }

TEST_CASE("bounds: names have 255 bytes of clean UTF-8", "[wire][T13]") {
  CHECK(passes_name(""));
  CHECK(passes_name(std::string(255, 'a')));
  CHECK_FALSE(passes_name(std::string(256, 'a')));
  CHECK_FALSE(passes_name(std::string_view{"a\0b", 3}));
  CHECK_FALSE(passes_name("\xff"));
  CHECK_FALSE(passes_name("\xc0\xaf"));
  CHECK_FALSE(passes_name("\xed\xa0\x80"));
  CHECK(passes_name("größe"));
}

TEST_CASE("bounds: texts for people have 1024 bytes, addresses 128", "[wire][T13]") {
  const std::string long_text(1025, 'x'), long_address(129, 'x');
  CHECK(passes(Failure{.text = std::string_view{long_text}.substr(1)}));
  CHECK_FALSE(passes(Failure{.text = long_text}));
  CHECK_FALSE(passes(Failure{.hint = long_text}));
  CHECK_FALSE(passes(Done{.text = long_text}));
  CHECK_FALSE(passes(Receipt{.text = "\xff"}));
  CHECK(passes(RailRequest{.address = std::string_view{long_address}.substr(1)}));
  CHECK_FALSE(passes(RailRequest{.address = long_address}));
  CHECK_FALSE(passes(RailRequest{.reason = long_text}));
}

TEST_CASE("bounds: an entry's sizes", "[wire][T4]") {
  CHECK(passes_entry({.bytes = kMaxTensorBytes}));
  CHECK_FALSE(passes_entry({.bytes = kMaxTensorBytes + 1}));
  const std::vector<std::int64_t> shape(33, 1);
  CHECK(passes_entry({.shape = std::span{shape}.first(32)}));
  CHECK_FALSE(passes_entry({.shape = shape}));
  const std::int64_t negative[] = {4, -1};
  CHECK_FALSE(passes_entry({.shape = negative}));
  const std::vector<Leaf> leaves(3);
  CHECK(passes_entry({.bytes = 3 * kLeafBytes, .leaves = leaves}));
  CHECK_FALSE(passes_entry({.bytes = 2 * kLeafBytes, .leaves = leaves}));
  CHECK_FALSE(passes(Offer{.total = kMaxTensorBytes + 1}));
}

TEST_CASE("bounds: attributes are few, short, of clean UTF-8, and their keys rise", "[wire][T4][T13][T2]") {
  const auto take = [](std::vector<Attribute> attributes) { return passes_entry({.attributes = attributes}); };
  const std::string key(256, 'k'), value(kMaxAttributesBytes, 'v');
  const auto short_key = std::string_view(key).substr(1);
  CHECK(take({{short_key, ""}}));
  CHECK_FALSE(take({{key, ""}}));
  CHECK_FALSE(take({{"", "v"}}));
  CHECK(take({{"k", std::string_view(value).substr(1)}}));
  CHECK_FALSE(take({{"k", value}}));
  CHECK(take({{"a", std::string_view(value).substr(2 + 2000)}, {"b", std::string_view(value).substr(0, 2000)}}));
  CHECK_FALSE(take({{"a", std::string_view(value).substr(1 + 2000)}, {"b", std::string_view(value).substr(0, 2000)}}));
  CHECK(take({{"a", ""}, {"b", ""}}));
  CHECK_FALSE(take({{"b", ""}, {"a", ""}}));
  CHECK_FALSE(take({{"a", "1"}, {"a", "2"}}));
  CHECK_FALSE(take({{"\xff", ""}}));
  CHECK_FALSE(take({{"a", "\xff"}}));
  CHECK_FALSE(take({{"a", std::string_view{"a\0b", 3}}}));
  std::vector<std::string> keys;
  for (char i = 0; i <= static_cast<char>(kMaxAttributes); ++i) keys.emplace_back(1, static_cast<char>('0' + i));
  std::vector<Attribute> many;
  for (const std::string& one : keys) many.push_back({one, ""});
  CHECK_FALSE(take(many));
  many.pop_back();
  CHECK(take(many));
}

TEST_CASE("bounds: enumerations have no values beyond their last", "[wire][T2]") {
  CHECK(passes(Bye{.why = ErrorClass::kInternal}));
  CHECK_FALSE(passes(Bye{.why = static_cast<ErrorClass>(kErrorClasses)}));
  CHECK_FALSE(passes(Cancel{.why = static_cast<ErrorClass>(255)}));
  CHECK(passes(Receipt{.lane = Lane::kLocal}));
  CHECK_FALSE(passes(Receipt{.lane = static_cast<Lane>(8)}));
  CHECK_FALSE(passes(RailRequest{.lane = static_cast<Lane>(200)}));
  CHECK(passes_entry({.dtype = DType::kOpaque}));
  CHECK_FALSE(passes_entry({.dtype = static_cast<DType>(kDTypes)}));
  CHECK_FALSE(passes(Offer{.verify = static_cast<Verify>(2)}));
  CHECK_FALSE(passes(Request{.generation = {static_cast<GenerationRuleKind>(4), {}}}));
}

TEST_CASE("bounds: a lane that this version cannot name is passed over in hello", "[wire]") {
  const LaneOffer lanes[] = {{Lane::kTls, "tls", 1}, {static_cast<Lane>(99), "quic", 1}, {Lane::kTcp, "net", 2}};
  Encoder encoder;
  const auto head = encoder.encode(Hello{.piece_bytes = kLeafBytes, .lanes = lanes});
  REQUIRE(head.has_value());
  Decoder decoder;
  const auto decoded = decoder.decode(*head);
  REQUIRE(decoded.has_value());
  const auto& known = std::get<Hello>(decoded->message).lanes;
  REQUIRE(known.size() == 2);
  CHECK(known[1].lane == Lane::kTcp);
  CHECK(known[1].provider == "net");
}

TEST_CASE("bounds: hello's versions and piece size", "[wire][T-30]") {
  const auto hello = [](std::uint16_t least, std::uint16_t greatest, std::uint64_t piece) {
    return passes(Hello{.version_min = least, .version_max = greatest, .piece_bytes = piece});
  };
  CHECK(hello(1, 1, kLeafBytes));
  CHECK_FALSE(hello(2, 1, kLeafBytes));
  CHECK_FALSE(hello(1, 1, 0));
  CHECK_FALSE(hello(1, 1, kLeafBytes / 2));
  CHECK_FALSE(hello(1, 1, kLeafBytes * 3));
  CHECK_FALSE(hello(1, 1, kMaxTensorBytes * 2));
}

TEST_CASE("bounds: parts are none, one, or one per item", "[wire]") {
  const std::string_view names[] = {"a", "b", "c"};
  const std::vector<Part> parts(4);
  for (std::size_t count : {0, 1, 3})
    CHECK(passes(Request{.what = {.names = names}, .parts = std::span{parts}.first(count)}));
  for (std::size_t count : {2, 4})
    CHECK_FALSE(passes(Request{.what = {.names = names}, .parts = std::span{parts}.first(count)}));
}

TEST_CASE("bounds: slices and rows", "[wire][T4]") {
  const std::vector<RangeSpec> ranges(33);
  CHECK(passes_part({.kind = PartKind::kSlice, .ranges = std::span{ranges}.first(32)}));
  CHECK_FALSE(passes_part({.kind = PartKind::kSlice, .ranges = ranges}));
  CHECK_FALSE(passes_part({.kind = PartKind::kRowIndices, .axis = 32}));
  CHECK_FALSE(passes_part({.kind = PartKind::kRowRuns, .axis = 32}));
  const RunSpec runs[] = {{UINT64_MAX, 1}};
  CHECK_FALSE(passes_part({.kind = PartKind::kRowRuns, .runs = runs}));
}

TEST_CASE("bounds: where a grant leads", "[wire][T4]") {
  const LandingSegment segment{UINT64_MAX - 1, 1}, wrapping{UINT64_MAX, 1};
  CHECK(passes_where({.kind = WhereKind::kSegments, .segments = {&segment, 1}}));
  CHECK_FALSE(passes_where({.kind = WhereKind::kSegments, .segments = {&wrapping, 1}}));
  const std::uint32_t last_page[] = {UINT32_MAX};
  CHECK(passes_where({.kind = WhereKind::kPages, .page_bytes = 1 << 20, .pages = last_page}));
  CHECK_FALSE(passes_where({.kind = WhereKind::kPages, .page_bytes = kMaxTensorBytes, .pages = last_page}));
  CHECK_FALSE(passes_where({.kind = WhereKind::kPages, .page_bytes = 0}));
}

TEST_CASE("bounds: pieces that are wanted rise and lie apart", "[wire]") {
  CHECK(passes_wanted({{0, 1}, {1, 1}, {7, 2}}));
  CHECK(passes_wanted({{0, kMaxPieces}}));
  CHECK_FALSE(passes_wanted({{0, 2}, {1, 1}}));
  CHECK_FALSE(passes_wanted({{4, 1}, {0, 1}}));
  CHECK_FALSE(passes_wanted({{0, 0}}));
  CHECK_FALSE(passes_wanted({{1, kMaxPieces}}));
  CHECK_FALSE(passes_wanted({{UINT32_MAX, UINT32_MAX}}));
}

TEST_CASE("bounds: rounds, slots and leaf numbers", "[wire]") {
  CHECK(passes(Grant{.round = kMaxRounds}));
  CHECK_FALSE(passes(Grant{.round = kMaxRounds + 1}));
  CHECK_FALSE(passes(Done{.round = 255}));
  const RailKey rail{.slot = kMaxSlots};
  CHECK_FALSE(passes(Grant{.rails = {&rail, 1}}));
  const std::vector<RailKey> rails(4097);
  CHECK(passes(Grant{.rails = std::span{rails}.first(4096)}));
  CHECK_FALSE(passes(Grant{.rails = rails}));
  const Leaf leaf = 1;
  CHECK(passes(Digests{.first_leaf = UINT32_MAX - 1, .leaves = {&leaf, 1}}));
  CHECK_FALSE(passes(Digests{.first_leaf = UINT32_MAX, .leaves = {&leaf, 1}}));
}

}  // namespace
}  // namespace weft::wire::test
