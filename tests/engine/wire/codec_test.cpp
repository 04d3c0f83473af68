#include <weft/wire/codec.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <string>

#include "tests/engine/wire/random_message.hpp"
#include "tests/engine/wire/same.hpp"
#include "tests/engine/wire/samples.hpp"

namespace weft::wire::test {
namespace {

constexpr std::size_t kKinds = std::variant_size_v<Message>;

std::vector<std::byte> encoded(const Message& message, std::string_view payload = {}, std::uint32_t credits = 0) {
  Encoder encoder;
  const auto head = encoder.encode(message, payload.size(), credits);
  REQUIRE(head.has_value());
  return with_payload(*head, payload);
}

TEST_CASE("codec: what was encoded is decoded, for every message", "[wire]") {
  const std::size_t kind = GENERATE(range(std::size_t{0}, kKinds));
  CAPTURE(kind);
  RandomMessages random{kind + 1};
  Encoder encoder;
  Decoder decoder;
  for (int i = 0; i < 300; ++i) {
    CAPTURE(i);
    random.forget();
    const Message message = random.make(kind, i < 200 ? 6 : 60);
    const auto head = encoder.encode(message);
    REQUIRE(head.has_value());
    const std::vector<std::byte> frame{head->begin(), head->end()};
    const auto decoded = decoder.decode(frame);
    if (!decoded) FAIL(decoded.error().to_string());
    CHECK(same(decoded->message, message));
    CHECK(decoded->payload.empty());
  }
}

TEST_CASE("codec: default-made messages survive", "[wire]") {
  Decoder decoder;
  for (const Message& message :
       {Message{RailRequest{}}, Message{Request{}}, Message{Offer{}}, Message{Grant{}}, Message{Response{}},
        Message{Digests{}}, Message{Done{}}, Message{Receipt{}}, Message{Cancel{}}, Message{Credit{}},
        Message{Failure{}}, Message{Ping{}}, Message{Bye{}}, Message{Hello{.piece_bytes = kLeafBytes}}}) {
    CAPTURE(message.index());
    const auto frame = encoded(message);
    const auto decoded = decoder.decode(frame);
    if (!decoded) FAIL(decoded.error().to_string());
    CHECK(same(decoded->message, message));
  }
}

TEST_CASE("codec: payload and credits come back, the payload not copied", "[wire]") {
  const auto frame = encoded(Response{.sequence = 5}, "tensor bytes", 77);
  Decoder decoder;
  const auto decoded = decoder.decode(frame);
  REQUIRE(decoded.has_value());
  CHECK(decoded->credits == 77);
  CHECK(decoded->payload.data() == frame.data() + frame.size() - 12);
  CHECK(std::string{reinterpret_cast<const char*>(decoded->payload.data()), decoded->payload.size()} == "tensor bytes");
  CHECK(frame_size(std::span{frame}.first<kHeaderBytes>()) == frame.size());
}

TEST_CASE("codec: a frame may lie at any address", "[wire]") {
  Decoder decoder;
  for (const Sample& sample : samples())
    for (std::size_t shift = 0; shift < 8; ++shift) {
      CAPTURE(sample.name, shift);
      const auto frame = frame_of(sample);
      std::vector<std::byte> memory(shift + frame.size());
      std::copy(frame.begin(), frame.end(), memory.begin() + static_cast<std::ptrdiff_t>(shift));
      const auto decoded = decoder.decode(std::span{memory}.subspan(shift));
      if (!decoded) FAIL(decoded.error().to_string());
      CHECK(same(decoded->message, sample.message));
    }
}

TEST_CASE("codec: a batch of ten thousand names and answers", "[wire]") {
  RandomMessages random{1};
  std::vector<std::string> texts;
  for (int i = 0; i < 10000; ++i) texts.push_back("model.layers." + std::to_string(i) + ".self_attn.q_proj.weight");
  const std::vector<std::string_view> names{texts.begin(), texts.end()};
  const std::int64_t shape[] = {4096, 4096};
  std::vector<EntryAnswer> entries;
  for (std::uint32_t i = 0; i < 10000; ++i)
    entries.push_back({.name = names[i], .handle = {i, {1}}, .shape = shape, .bytes = 33554432});

  Decoder decoder;
  const Message request = Request{.what = {.names = names}};
  const Message offer = Offer{.entries = entries, .total = 10000 * std::uint64_t{33554432}};
  for (const Message& message : {request, offer}) {
    const auto frame = encoded(message);
    const auto decoded = decoder.decode(frame);
    if (!decoded) FAIL(decoded.error().to_string());
    CHECK(same(decoded->message, message));
  }
}

TEST_CASE("codec: every part without ranges still fits the decoder's memory", "[wire]") {
  // The message that grows the most when it is decoded: two words become a Part.
  const std::vector<Part> parts(5000);
  const std::vector<Handle> handles(5000);
  const Message message = Request{.what = {.kind = WhatKind::kHandles, .handles = handles}, .parts = parts};
  const auto frame = encoded(message);
  Decoder decoder;
  const auto decoded = decoder.decode(frame);
  if (!decoded) FAIL(decoded.error().to_string());
  CHECK(same(decoded->message, message));
}

TEST_CASE("codec: a message of exactly the limit passes, one byte more does not", "[wire][T-09]") {
  Encoder encoder;
  const auto empty = encoder.encode(Ping{});
  REQUIRE(empty.has_value());
  const std::size_t room = kMaxMessageBytes - empty->size();
  const auto full = encoder.encode(Ping{}, room);
  REQUIRE(full.has_value());
  CHECK(frame_size(full->first<kHeaderBytes>()) == kMaxMessageBytes);
  const auto past = encoder.encode(Ping{}, room + 1);
  REQUIRE(!past.has_value());
  CHECK(past.error().kind() == ErrorClass::kResourceExhausted);
  const auto absurd = encoder.encode(Ping{}, SIZE_MAX);
  REQUIRE(!absurd.has_value());
  CHECK(absurd.error().kind() == ErrorClass::kResourceExhausted);

  const std::vector<std::uint64_t> leaves(kMaxMessageBytes / 8);
  const auto large = encoder.encode(Digests{.leaves = leaves});
  REQUIRE(!large.has_value());
  CHECK(large.error().kind() == ErrorClass::kResourceExhausted);
  CHECK(encoder.encode(Ping{}).has_value());
}

TEST_CASE("codec: one encoder gives the same bytes whatever it wrote before", "[wire]") {
  Encoder used;
  RandomMessages random{9};
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    CAPTURE(kind);
    const Message message = random.make(kind, 6);
    REQUIRE(used.encode(random.make(random.below(kKinds), 40)).has_value());
    const auto again = used.encode(message);
    REQUIRE(again.has_value());
    CHECK(std::ranges::equal(*again, encoded(message)));
  }
}

TEST_CASE("codec: an encoder and a decoder can be moved", "[wire]") {
  Encoder encoder;
  Decoder decoder;
  const auto frame = encoded(Ping{.nonce = 3});
  Encoder other = std::move(encoder);
  Decoder reader = std::move(decoder);
  CHECK(other.encode(Ping{.nonce = 3}).has_value());
  CHECK(reader.decode(frame).has_value());
}

}  // namespace
}  // namespace weft::wire::test
