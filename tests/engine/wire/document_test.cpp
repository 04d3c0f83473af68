#include <catch2/catch_test_macros.hpp>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <weft/base/text.hpp>
#include <weft/wire/codec.hpp>

#include "tests/engine/wire/same.hpp"
#include "tests/engine/wire/samples.hpp"

namespace weft::wire::test {
namespace {

std::vector<std::string> document_lines() {
  std::ifstream file{WEFT_DOCS "/protocol.md"};
  REQUIRE(file.is_open());
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

/// The bytes of each ```frame block: rows of "offset | bytes | meaning".
std::vector<std::vector<std::byte>> documented_frames() {
  std::vector<std::vector<std::byte>> frames;
  bool inside = false;
  for (const std::string& line : document_lines()) {
    if (line.starts_with("```")) {
      inside = line == "```frame";
      if (inside) frames.emplace_back();
      continue;
    }
    if (!inside) continue;
    CAPTURE(line);
    const std::size_t first = line.find('|'), second = line.find('|', first + 1);
    REQUIRE(second != std::string::npos);
    CHECK(std::stoul(line.substr(0, first)) == frames.back().size());
    const auto bytes = from_hex(std::string_view{line}.substr(first + 1, second - first - 1));
    frames.back().insert(frames.back().end(), bytes.begin(), bytes.end());
  }
  return frames;
}

TEST_CASE("protocol.md: its examples are what the encoder writes and the decoder reads", "[wire]") {
  const std::string_view names[] = {"w"};
  const Message expected[] = {
      Ping{.nonce = 0x0102030405060708, .wall_ns = 1'700'000'000'000'000'000},
      Request{.sequence = 1, .inline_max = 8192, .what = {.names = names}},
  };
  const auto frames = documented_frames();
  REQUIRE(frames.size() == std::size(expected));
  Encoder encoder;
  Decoder decoder;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto head = encoder.encode(expected[i]);
    REQUIRE(head.has_value());
    CHECK(to_hex(*head) == to_hex(frames[i]));
    const auto decoded = decoder.decode(frames[i]);
    REQUIRE(decoded.has_value());
    CHECK(same(decoded->message, expected[i]));
  }
}

TEST_CASE("protocol.md: its table has a row for every message", "[wire]") {
  std::string text;
  for (const std::string& line : document_lines()) text += line + "\n";
  for (const char* name : {"hello", "rail", "request", "offer", "grant", "response", "digests", "done", "receipt",
                           "cancel", "ring", "slots", "credit", "release", "error", "ping", "bye"}) {
    CAPTURE(name);
    CHECK(text.find("\n| `" + std::string{name} + "` |") != std::string::npos);
  }
}

}  // namespace
}  // namespace weft::wire::test
