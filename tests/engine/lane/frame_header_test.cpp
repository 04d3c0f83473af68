#include <weft/lane/frame_header.hpp>

#include <array>
#include <catch2/catch_test_macros.hpp>

using namespace weft;
using namespace weft::lane;

namespace {

using Bytes = std::array<std::byte, kFrameHeaderBytes>;

Bytes encoded(const FrameHeader& header) {
  Bytes bytes{};
  encode_frame_header(header, bytes);
  return bytes;
}

FrameHeader write_header(std::uint64_t length) {
  FrameHeader header{};
  header.kind = FrameKind::kWrite;
  header.key = 0x1122334455667788;
  header.offset = ~std::uint64_t{0};
  header.length = length;
  return header;
}

}  // namespace

TEST_CASE("a frame header reads back as it was written", "[lane][framed]") {
  FrameHeader message{};
  message.length = 77;
  FrameHeader more = write_header(kMaxWriteFrameBytes);
  more.more = true;
  FrameHeader immediate = write_header(0);
  immediate.immediate = 0xFFFFFFFF;
  FrameHeader zero_immediate = write_header(1);
  zero_immediate.immediate = 0;
  for (const FrameHeader& header : {message, more, immediate, zero_immediate}) {
    const auto decoded = decode_frame_header(encoded(header), 77);
    REQUIRE(decoded);
    CHECK(*decoded == header);
  }
}

TEST_CASE("the bytes of a frame header are those of its documentation", "[lane][framed]") {
  FrameHeader header = write_header(0x0A0B);
  header.offset = 0x0102;
  header.immediate = 0x03040506;
  const Bytes bytes = encoded(header);
  const std::array<unsigned, kFrameHeaderBytes> expected{2,    2,    0,    0,    6,    5, 4, 3, 0x88, 0x77, 0x66,
                                                         0x55, 0x44, 0x33, 0x22, 0x11, 2, 1, 0, 0,    0,    0,
                                                         0,    0,    0x0B, 0x0A, 0,    0, 0, 0, 0,    0};
  for (std::size_t i = 0; i < bytes.size(); ++i) CHECK(std::to_integer<unsigned>(bytes[i]) == expected[i]);
}

TEST_CASE("a header ours would not write is malformed", "[lane][framed]") {
  const auto refused = [](Bytes bytes) {
    const auto decoded = decode_frame_header(bytes, 1000);
    return !decoded && decoded.error().kind() == ErrorClass::kMalformed;
  };
  FrameHeader message{};
  message.length = 1001;
  CHECK(refused(encoded(message)));
  CHECK(refused(encoded(write_header(kMaxWriteFrameBytes + 1))));
  CHECK(refused(encoded(write_header(~std::uint64_t{0}))));
  FrameHeader empty_more = write_header(0);
  empty_more.more = true;
  CHECK(refused(encoded(empty_more)));
  FrameHeader early_immediate = write_header(5);
  early_immediate.more = true;
  early_immediate.immediate = 1;
  CHECK(refused(encoded(early_immediate)));

  message.length = 10;
  const Bytes good = encoded(message);
  REQUIRE_FALSE(refused(good));
  for (std::size_t at = 0; at < 24; ++at) {  // everything but the length is fixed in a message
    Bytes bad = good;
    bad[at] ^= std::byte{0x40};
    CHECK(refused(bad));
  }
  Bytes bare = encoded(write_header(10));
  REQUIRE_FALSE(refused(bare));
  bare[4] = std::byte{1};  // an immediate without its flag
  CHECK(refused(bare));
}
