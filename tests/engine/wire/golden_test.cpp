#include <weft/wire/codec.hpp>

#include <catch2/catch_test_macros.hpp>

#include <set>

#include <weft/base/text.hpp>

#include "tests/engine/wire/same.hpp"
#include "tests/engine/wire/samples.hpp"

namespace weft::wire::test {
namespace {

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

TEST_CASE("golden frames: there is one of every message", "[wire]") {
  std::set<std::size_t> kinds;
  for (const Sample& sample : samples()) kinds.insert(sample.message.index());
  CHECK(kinds.size() == std::variant_size_v<Message>);
}

}  // namespace
}  // namespace weft::wire::test
