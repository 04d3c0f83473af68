#include <weft/wire/codec.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstring>
#include <vector>

#include <weft/base/limits.hpp>

#include "tests/engine/wire/samples.hpp"

namespace weft::wire::test {
namespace {

/// What a hostile frame may lead to: Malformed, or a message that can be written and read again.
void check_harmless(std::span<const std::byte> bytes) {
  // Memory of exactly that size, so that AddressSanitizer sees a read past either end.
  const std::vector<std::byte> frame{bytes.begin(), bytes.end()};
  Decoder decoder;
  const auto decoded = decoder.decode(frame);
  if (!decoded) {
    CHECK(decoded.error().kind() == ErrorClass::kMalformed);
    return;
  }
  Encoder encoder;
  const auto head = encoder.encode(decoded->message, decoded->payload.size(), decoded->credits);
  if (!head) {
    CHECK(head.error().kind() == ErrorClass::kResourceExhausted);
    return;
  }
  auto again = std::vector<std::byte>{head->begin(), head->end()};
  again.insert(again.end(), decoded->payload.begin(), decoded->payload.end());
  const auto reread = decoder.decode(again);
  if (!reread) FAIL_CHECK(reread.error().to_string());
}

void check_malformed(std::span<const std::byte> bytes) {
  const std::vector<std::byte> frame{bytes.begin(), bytes.end()};
  Decoder decoder;
  const auto decoded = decoder.decode(frame);
  REQUIRE(!decoded.has_value());
  CHECK(decoded.error().kind() == ErrorClass::kMalformed);
}

void put_u32(std::vector<std::byte>& frame, std::size_t at, std::uint32_t value) {
  std::memcpy(frame.data() + at, &value, sizeof value);
}

/// A frame around a segment written word by word.
std::vector<std::byte> frame_of_words(std::vector<std::uint64_t> words) {
  std::vector<std::byte> frame(kHeaderBytes + words.size() * 8);
  const std::uint16_t magic = kMagic;
  std::memcpy(frame.data(), &magic, 2);
  frame[2] = std::byte{kVersion};
  put_u32(frame, 8, static_cast<std::uint32_t>(words.size()));
  std::memcpy(frame.data() + kHeaderBytes, words.data(), words.size() * 8);
  return frame;
}

// Cap'n Proto's pointers (https://capnproto.org/encoding.html); `offset` counts words from behind the pointer.
std::uint64_t struct_pointer(std::int32_t offset, std::uint64_t data_words, std::uint64_t pointers) {
  return (static_cast<std::uint32_t>(offset) << 2) | data_words << 32 | pointers << 48;
}
std::uint64_t list_pointer(std::int32_t offset, std::uint64_t element_kind, std::uint64_t count) {
  return 1 | static_cast<std::uint64_t>(static_cast<std::uint32_t>(offset) << 2) | element_kind << 32 | count << 35;
}
constexpr std::uint64_t kVoid = 0, kByte = 2, kPointer = 6, kComposite = 7;
constexpr std::uint64_t kRequest = 2, kResponse = 5, kDigests = 6;

/// Root and TensorMessage of a response {2 data words, 1 pointer} whose entries pointer is given.
std::vector<std::uint64_t> response_words(std::uint64_t entries, std::vector<std::uint64_t> rest = {}) {
  std::vector<std::uint64_t> words{struct_pointer(0, 1, 1), kResponse, struct_pointer(0, 2, 1), 1, 0, entries};
  words.insert(words.end(), rest.begin(), rest.end());
  return words;
}

TEST_CASE("hostile frames: every truncation of a golden frame is refused", "[wire][T2][T-08]") {
  for (const Sample& sample : samples()) {
    CAPTURE(sample.name);
    const auto frame = frame_of(sample);
    for (std::size_t size = 0; size < frame.size(); ++size) check_malformed(std::span{frame}.first(size));
    auto longer = frame;
    longer.push_back(std::byte{0});
    check_malformed(longer);
  }
}

TEST_CASE("hostile frames: a segment cut at every word, the header made to agree", "[wire][T2]") {
  for (const Sample& sample : samples()) {
    CAPTURE(sample.name);
    const auto frame = from_hex(sample.frame);
    for (std::size_t words = 1; words * 8 < frame.size() - kHeaderBytes; ++words) {
      std::vector<std::byte> cut{frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(kHeaderBytes + words * 8)};
      put_u32(cut, 8, static_cast<std::uint32_t>(words));
      put_u32(cut, 12, 0);
      check_harmless(cut);
    }
  }
}

TEST_CASE("hostile frames: every single-bit flip of a golden frame", "[wire][T2][N7]") {
  for (const Sample& sample : samples()) {
    CAPTURE(sample.name);
    auto frame = frame_of(sample);
    for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
      CAPTURE(bit);
      frame[bit / 8] ^= std::byte{1} << (bit % 8);
      check_harmless(frame);
      frame[bit / 8] ^= std::byte{1} << (bit % 8);
    }
  }
}

TEST_CASE("hostile frames: forged lengths in the header", "[wire][T3][T-W8]") {
  const auto golden = frame_of(samples()[0]);
  for (std::size_t field : {8, 12})
    for (std::uint32_t value : {0u, 1u, 2u, 0x7fffffffu, 0x80000000u, 0xfffffffeu, 0xffffffffu, 0x20000000u}) {
      CAPTURE(field, value);
      auto frame = golden;
      if (field == 12 && value == 0) continue;
      put_u32(frame, field, value);
      check_malformed(frame);
      const auto size = frame_size(std::span{frame}.first<kHeaderBytes>());
      if (size) CHECK(*size <= kMaxMessageBytes);
    }
  auto both = golden;
  put_u32(both, 8, 0xffffffff);
  put_u32(both, 12, 0xffffffff);
  CHECK(!frame_size(std::span{both}.first<kHeaderBytes>()).has_value());
}

TEST_CASE("hostile frames: FF FF FF FF at the start, of the frame and of the segment", "[wire][T2]") {
  for (const Sample& sample : samples()) {
    auto frame = frame_of(sample);
    std::fill_n(frame.begin() + kHeaderBytes, 4, std::byte{0xff});
    check_malformed(frame);
    std::fill_n(frame.begin(), 4, std::byte{0xff});
    check_malformed(frame);
  }
  check_malformed(std::vector<std::byte>(64, std::byte{0xff}));
}

TEST_CASE("hostile frames: another magic, version or flag is refused", "[wire][T2][T-30]") {
  const auto golden = frame_of(samples()[0]);
  for (std::size_t at : {0, 1, 2, 3}) {
    auto frame = golden;
    frame[at] ^= std::byte{0x10};
    check_malformed(frame);
    CHECK(!frame_size(std::span{frame}.first<kHeaderBytes>()).has_value());
  }
}

TEST_CASE("hostile frames: a kind of message that version 1 does not have", "[wire][T2]") {
  // 11 is reserved.
  for (std::uint64_t kind : {11u, 17u, 18u, 0xffffu})
    check_malformed(frame_of_words({struct_pointer(0, 1, 1), kind, 0}));
}

TEST_CASE("hostile frames: pointers that lead back to themselves", "[wire][T2]") {
  // The root is its own struct; the message is the TensorMessage again; entries are the response itself.
  check_harmless(frame_of_words({struct_pointer(-1, 0, 1)}));
  check_harmless(frame_of_words({struct_pointer(0, 1, 1), kRequest, struct_pointer(-2, 1, 1)}));
  check_harmless(frame_of_words({struct_pointer(0, 1, 1), kResponse, struct_pointer(-1, 0, 1)}));
  check_harmless(frame_of_words(response_words(list_pointer(-2, kPointer, 1))));
  check_harmless(frame_of_words(response_words(list_pointer(-6, kComposite, 5))));
}

TEST_CASE("hostile frames: huge counts that cost nothing to send", "[wire][T3][T-09]") {
  constexpr std::uint64_t kHuge = (std::uint64_t{1} << 29) - 1;
  check_malformed(frame_of_words(response_words(list_pointer(0, kVoid, kHuge))));
  check_malformed(frame_of_words(response_words(list_pointer(0, kByte, kHuge))));
  check_malformed(frame_of_words(response_words(list_pointer(0, kPointer, kHuge))));
  check_malformed(frame_of_words(response_words(list_pointer(0, kComposite, kHuge))));
  // A list of structs without a word each: the tag says how many.
  check_malformed(frame_of_words(response_words(list_pointer(0, kComposite, 0), {kHuge << 2})));
  check_malformed(frame_of_words(response_words(list_pointer(0, kComposite, 0), {std::uint64_t{100000} << 2})));
  check_malformed(frame_of_words(response_words(list_pointer(0, kVoid, 100000))));
}

TEST_CASE("hostile frames: one text named ten thousand times", "[wire][T2]") {
  // 10 000 list elements that all point at the same 240 bytes: 2.4 MB to look at for 80 KB sent.
  constexpr std::uint64_t kNames = 10000, kTextWords = 30;
  const auto build = [&](bool shared) {
    std::vector<std::uint64_t> words{struct_pointer(0, 1, 1),
                                     kRequest,
                                     struct_pointer(0, 5, 4),
                                     0,
                                     0,
                                     0,
                                     0,
                                     0,  // data
                                     struct_pointer(3, 1, 2),
                                     0,
                                     0,
                                     0,  // what, parts, grant, trace
                                     0,
                                     list_pointer(1, kPointer, kNames),
                                     0};
    const std::size_t first = words.size();
    for (std::uint64_t i = 0; i < kNames; ++i)
      words.push_back(shared ? list_pointer(static_cast<std::int32_t>(kNames - 1 - i), kByte, kTextWords * 8) : 0);
    words.insert(words.end(), kTextWords, 0x6161616161616161);
    words.back() &= ~(std::uint64_t{0xff} << 56);
    CHECK(words.size() == first + kNames + kTextWords);
    return frame_of_words(words);
  };
  check_malformed(build(true));
  // The same without the trick is a request of ten thousand empty names: the frame above is otherwise sound.
  const auto honest = build(false);
  Decoder decoder;
  const auto decoded = decoder.decode(honest);
  if (!decoded) FAIL(decoded.error().to_string());
  CHECK(std::get<Request>(decoded->message).what.names.size() == kNames);
}

TEST_CASE("hostile frames: far pointers and capabilities have no place in one segment", "[wire][T2]") {
  check_malformed(frame_of_words({2}));
  check_malformed(frame_of_words({2 | std::uint64_t{1} << 32, 0}));
  check_malformed(frame_of_words({6, 0, 0}));
  check_malformed(frame_of_words({3, 0, 0}));
  check_malformed(frame_of_words(response_words(3)));
  check_malformed(frame_of_words(response_words(2 | std::uint64_t{7} << 32)));
}

TEST_CASE("hostile frames: packed lists that are no whole number of records", "[wire][T2]") {
  const auto digests = [](std::uint64_t bytes) {
    return frame_of_words(
        {struct_pointer(0, 1, 1), kDigests, struct_pointer(0, 2, 1), 1, 0, list_pointer(0, kByte, bytes), 1, 2});
  };
  for (std::uint64_t bytes : {1, 7, 9, 15}) check_malformed(digests(bytes));
  Decoder decoder;
  const auto frame = digests(16);
  const auto decoded = decoder.decode(frame);
  REQUIRE(decoded.has_value());
  CHECK(std::get<Digests>(decoded->message).leaves.size() == 2);
}

}  // namespace
}  // namespace weft::wire::test
