#include "framed_fixture.hpp"

#include <weft/base/checked.hpp>

using namespace weft;
using namespace weft::lane;

namespace {

FrameHeader message_header(std::uint64_t length) {
  FrameHeader header{};
  header.length = length;
  return header;
}

FrameHeader write_header(std::uint64_t key, std::uint64_t offset, std::uint64_t length) {
  FrameHeader header{};
  header.kind = FrameKind::kWrite;
  header.key = key;
  header.offset = offset;
  header.length = length;
  return header;
}

}  // namespace

TEST_CASE("framed: garbage ends the channel as malformed and the others live", "[lane][framed][T-08][N10]") {
  OneEnd end;
  auto first = std::move(end.peer);
  const Channel bad = end.channel;
  end.add_channel();
  std::swap(first, end.peer);
  const std::vector<std::byte> garbage(100, std::byte{0x5A});
  end.inject(garbage);
  end.turn_until_idle();
  REQUIRE(end.down() != nullptr);
  CHECK(end.down()->channel == bad);
  CHECK(end.down()->why.kind() == ErrorClass::kMalformed);
  std::swap(first, end.peer);
  end.inject(message_header(0));
  end.turn_until_idle();
  CHECK(end.count<MessageArrived>() == 1);
  CHECK(end.framed->channels() == 1);
}

TEST_CASE("framed: what came whole before the end of the stream is delivered before Down", "[lane][framed]") {
  OneEnd end;
  const std::vector<std::byte> payload(10, std::byte{7});
  end.inject(message_header(10), payload);
  end.inject(message_header(11), payload);  // one byte short
  end.peer.reset();
  end.turn_until_idle();
  REQUIRE(end.events.size() == 3);
  CHECK(std::holds_alternative<MessageArrived>(end.events[1]));
  REQUIRE(std::holds_alternative<Down>(end.events[2]));
  CHECK(std::get<Down>(end.events[2]).why.kind() == ErrorClass::kPeerLost);
}

TEST_CASE("framed: bytes for an unknown key are discarded and counted", "[lane][framed]") {
  OneEnd end;
  const std::vector<std::byte> payload(5000, std::byte{7});
  end.inject(write_header(4711, 0, 5000), payload);
  FrameHeader second = write_header(4711, 1, 1);
  second.immediate = 3;
  end.inject(second, std::span{payload}.first(1));
  end.inject(message_header(1), std::span{payload}.first(1));
  end.turn_until_idle();
  CHECK(end.framed->discarded_bytes() == 5001);
  CHECK(end.count<Arrived>() == 0);
  CHECK(end.count<MessageArrived>() == 1);
  CHECK(end.down() == nullptr);
}

TEST_CASE("framed: a write with a discarded part does not announce itself", "[lane][framed]") {
  OneEnd end;
  std::vector<std::byte> memory(100);
  auto exposed = end.framed->expose({memory.data(), memory.size()}, end.channel);
  REQUIRE(exposed);
  const std::vector<std::byte> payload(10, std::byte{7});
  FrameHeader lost = write_header(4711, 0, 10);
  lost.more = true;
  FrameHeader last = write_header((*exposed)->key(), 0, 10);
  last.immediate = 1;
  end.inject(lost, payload);
  end.inject(message_header(0));  // messages may stand between the frames of a write
  end.inject(last, payload);
  last.immediate = 2;
  end.inject(last, payload);
  end.turn_until_idle();
  REQUIRE(end.count<Arrived>() == 1);
  for (const Event& event : end.events) {
    if (const auto* arrived = std::get_if<Arrived>(&event)) CHECK(arrived->immediate == 2);
  }
}

TEST_CASE("framed: an announced length costs no memory before its bytes come", "[lane][framed][T-W8][T3]") {
  FramedOptions options = OneEnd::defaults();
  options.message_budget_bytes = 0;  // raised to what one longest message needs
  OneEnd end{std::move(options)};
  std::vector<std::unique_ptr<conformance::PlainPipe>> peers;
  for (int i = 0; i < 200; ++i) {  // 200 × 16 MiB are announced, 48 MiB are allowed
    peers.push_back(std::move(end.peer));
    end.add_channel();
    end.inject(message_header(kMaxMessageBytes));
    end.inject(std::vector<std::byte>(100));
    end.turn_until_idle();
  }
  CHECK(end.down() == nullptr);
}

TEST_CASE("framed: leases that are kept stop their own channel only, until they are dropped",
          "[lane][framed][T-27][F26]") {
  FramedOptions options = OneEnd::defaults();
  options.traits.max_message = 64 * 1024;
  OneEnd end{std::move(options)};
  const std::vector<std::byte> payload(64 * 1024, std::byte{1});
  auto kept = std::move(end.peer);
  end.add_channel();
  std::swap(kept, end.peer);
  for (int i = 0; i < 3; ++i) end.inject(message_header(payload.size()), payload);
  end.turn_until_idle();
  CHECK(end.count<MessageArrived>() == 3);
  end.inject(message_header(0));
  end.inject(message_header(payload.size()), std::span{payload}.first(1000));
  end.turn_until_idle();  // it may sleep although bytes are there: they wait for leases
  end.inject(std::span{payload}.subspan(1000));
  end.turn_until_idle();
  CHECK(end.count<MessageArrived>() == 4);
  std::swap(kept, end.peer);
  end.inject(message_header(payload.size()), payload);
  end.turn_until_idle();
  CHECK(end.count<MessageArrived>() == 5);
  end.events.clear();
  CHECK_FALSE(end.framed->may_block());
  end.turn_until_idle();
  CHECK(end.count<MessageArrived>() == 1);
  CHECK(end.down() == nullptr);
}

TEST_CASE("framed: a message does not wait for more than a batch of writes", "[lane][framed]") {
  OneEnd end;
  const std::vector<std::byte> bulk(4 << 20, std::byte{1});
  const std::array bulk_range{Gather{bulk.data(), bulk.size()}};
  const std::array remote{RemoteRange{1, 0, bulk.size()}};
  REQUIRE(end.framed->write(end.channel, bulk_range, remote, 1U, 1) == Posted::kTaken);
  end.turn();  // the socket is full now
  const std::array small{Gather{bulk.data(), 1}};
  REQUIRE(end.framed->send(end.channel, small, 2) == Posted::kTaken);
  std::vector<std::byte> stream;
  std::size_t message_at = 0;
  std::size_t at = 0;
  const std::size_t sent_before = end.framed->room(end.channel);
  CHECK(sent_before == 0);
  while (message_at == 0) {
    end.turn();
    std::vector<std::byte> some(64 * 1024);
    const auto got = end.peer->read(some);
    REQUIRE(got);
    stream.insert(stream.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(*got));
    while (message_at == 0 && at + kFrameHeaderBytes <= stream.size()) {
      const auto header =
          decode_frame_header(std::span<const std::byte, kFrameHeaderBytes>{&stream[at], kFrameHeaderBytes}, 1);
      REQUIRE(header);
      if (header->kind == FrameKind::kMessage) message_at = at;
      REQUIRE(header->length <= SendQueue::kFrameBytes);
      at += kFrameHeaderBytes + header->length;
    }
  }
  CHECK(message_at < (1 << 20));  // what fits a socket pair, and a batch, but not the four megabytes
  end.framed->close(end.channel);
  end.turn_until_idle();
  REQUIRE(end.count<Finished>() == 2);
  for (const Event& event : end.events) {
    if (const auto* finished = std::get_if<Finished>(&event)) CHECK(finished->failed == (finished->token == 1));
  }
  CHECK(std::holds_alternative<Down>(end.events.back()));
}

TEST_CASE("framed: calls that need a listener are unsupported", "[lane][framed]") {
  OneEnd end;
  CHECK(end.framed->listen().error().kind() == ErrorClass::kUnsupported);
  CHECK(end.framed->dial("x", {}).error().kind() == ErrorClass::kUnsupported);
  CHECK(end.framed->admit(end.channel).error().kind() == ErrorClass::kUnsupported);
}

TEST_CASE("framed: a sealed lane adopts no cleartext pipe", "[lane][framed]") {
  FramedOptions options = OneEnd::defaults();
  options.traits.sealed = true;
  auto opened = FramedLane::open(std::move(options));
  REQUIRE(opened);
  const auto adopted = (*opened)->adopt(std::move(conformance::PlainPipe::make_pair().first));
  REQUIRE_FALSE(adopted);
  CHECK(adopted.error().kind() == ErrorClass::kInvalidArgument);
}

TEST_CASE("framed: channels are never named twice and their slots are used again", "[lane][framed]") {
  OneEnd end;
  std::vector<std::uint32_t> seen;
  for (int i = 0; i < 70'000; ++i) {  // more than one slot has uses
    seen.push_back(end.channel.value);
    end.framed->close(end.channel);
    end.turn();
    end.add_channel();
    end.events.clear();
  }
  std::sort(seen.begin(), seen.end());
  CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
  CHECK(end.framed->channels() == 1);
}
