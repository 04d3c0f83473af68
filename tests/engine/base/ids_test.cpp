#include <string>
#include <unordered_set>

#include <catch2/catch_test_macros.hpp>

#include <weft/base/ids.hpp>

using namespace weft;

namespace {

NodeId counted() {
  NodeId id;
  for (std::size_t at = 0; at < id.bytes.size(); ++at) id.bytes[at] = static_cast<std::byte>(at * 7 + 1);
  return id;
}

}  // namespace

TEST_CASE("node id: 52 characters that parse back, in either case") {
  const auto id = counted();
  auto text = id.to_string();
  CHECK(text.size() == 52);
  CHECK(NodeId::parse(text).value() == id);
  for (auto& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  CHECK(NodeId::parse(text).value() == id);
}

TEST_CASE("node id: the short form is the first four characters and the last two") {
  const auto text = counted().to_string();
  CHECK(counted().short_string() == text.substr(0, 4) + "…" + text.substr(50));
}

TEST_CASE("node id: a wrong length or alphabet is malformed") {
  const auto text = counted().to_string();
  for (const auto& bad : {std::string{}, text.substr(0, 51), text + "a", text + "aaaaaaaa", "1" + text.substr(1)}) {
    const auto parsed = NodeId::parse(bad);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().kind() == ErrorClass::kMalformed);
  }
}

TEST_CASE("ids: texts are hexadecimal, and a transfer names its opener and sequence") {
  Incarnation incarnation;
  incarnation.bytes[0] = std::byte{0xA1};
  CHECK(incarnation.to_string() == "a1000000000000000000000000000000");
  CHECK(TransferId{incarnation, 42}.to_string() == "a1000000000000000000000000000000-42");
  Digest digest;
  digest.bytes[15] = std::byte{0x0F};
  CHECK(digest.to_string() == "0000000000000000000000000000000f");
}

TEST_CASE("ids: order and equality look at every byte, and hashes tell neighbours apart") {
  auto left = counted();
  auto right = counted();
  right.bytes[31] = static_cast<std::byte>(std::to_integer<int>(right.bytes[31]) + 1);
  CHECK(left != right);
  CHECK(left < right);

  std::unordered_set<std::size_t> hashes;
  for (std::uint64_t sequence = 0; sequence < 1000; ++sequence)
    hashes.insert(std::hash<TransferId>{}({Incarnation{}, sequence}));
  CHECK(hashes.size() == 1000);
  CHECK(std::hash<NodeId>{}(left) != std::hash<NodeId>{}(right));
  CHECK(std::hash<NodeId>{}(left) == std::hash<NodeId>{}(counted()));
}
