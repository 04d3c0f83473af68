#include <weft/wire/codec.hpp>

#include <catch2/catch_test_macros.hpp>

#include <set>

#include <weft/base/text.hpp>

#include "tests/engine/wire/same.hpp"
#include "tests/engine/wire/samples.hpp"

namespace weft::wire::test {
namespace {

// Entries of four data words and five pointers: the sixth, attributes, came later.
constexpr std::string_view kOfferWithoutAttributes =
    "776601000000000038000000050000000000000001000100030000000000000000000000040002000700000000000000"
    "0300010000000000002f685900000000400008000000000005000000df000000a1000000c20100000c00000004000500"
    "020010001100000011000000000000002a0000000000000000000800000000000000000000000000550000005a000000"
    "000000000000000055000000c20000005d00000082000000010004000000000000000000000000000000000000000000"
    "000000000000000051000000a20000000000000000000000000000000000000000000000000000000000000000000000"
    "000010001500000012000000000000002b000000000000000b000000000000000000000000000000350000002a000000"
    "350000002a000000000000000000000000000000000000006c61796572732e302e770000000000000200000000000000"
    "00000100000000000100000000000000c294d3380580062defcdab89674523016e6f2074656e736f72206e616d656420"
    "2278220000000000626c6f62000000006a736f6e0000000030302d306166373635313931366364343364643834343865"
    "62323131633830333139632d623761643662373136393230333333312d303100";

TEST_CASE("golden frames: each message is written as version 1 wrote it", "[wire]") {
  Encoder encoder;
  for (const Sample& sample : samples()) {
    const auto head = encoder.encode(sample.message, sample.payload.size(), sample.credits);
    REQUIRE(head.has_value());
    CHECK(std::string{sample.name} + " " + to_hex(*head) == std::string{sample.name} + " " + std::string{sample.frame});
  }
}

TEST_CASE("golden frames: each is read as what it was", "[wire]") {
  Decoder decoder;
  for (const Sample& sample : samples()) {
    CAPTURE(sample.name);
    const auto frame = frame_of(sample);
    const auto decoded = decoder.decode(frame);
    if (!decoded) FAIL(decoded.error().to_string());
    CHECK(same(decoded->message, sample.message));
    CHECK(decoded->credits == sample.credits);
    CHECK(decoded->payload.size() == sample.payload.size());
  }
}

TEST_CASE("golden frames: what was written before there were attributes is read, without any", "[wire]") {
  const auto frame = with_payload(from_hex(kOfferWithoutAttributes), "hello");
  Decoder decoder;
  const auto decoded = decoder.decode(frame);
  if (!decoded) FAIL(decoded.error().to_string());
  const auto& entries = std::get<Offer>(decoded->message).entries;
  REQUIRE(entries.size() == 3);
  CHECK(entries[2].opaque_type == "json");
  for (const EntryAnswer& entry : entries) CHECK(entry.attributes.empty());
}

TEST_CASE("golden frames: there is one of every message", "[wire]") {
  std::set<std::size_t> kinds;
  for (const Sample& sample : samples()) kinds.insert(sample.message.index());
  CHECK(kinds.size() == std::variant_size_v<Message>);
}

}  // namespace
}  // namespace weft::wire::test
