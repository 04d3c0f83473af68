#pragma once

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <memory>
#include <vector>

#include <weft/lane/framed.hpp>

#include "tests/conformance/plain_pipe.hpp"

namespace weft::lane {

/// One framed lane with one channel, and the bare other end of its pipe.
struct OneEnd {
  explicit OneEnd(FramedOptions options = defaults()) {
    auto opened = FramedLane::open(std::move(options));
    REQUIRE(opened);
    framed = std::move(*opened);
    add_channel();
  }
  static FramedOptions defaults() {
    return {.traits = framed_traits(weft::Lane::kTcp, false),
            .draw_key = [key = std::uint64_t{99}]() mutable { return key += 0x9E3779B97F4A7C15u; }};
  }
  Channel add_channel() {
    auto pipes = conformance::PlainPipe::make_pair();
    const auto adopted = framed->adopt(std::move(pipes.first));
    REQUIRE(adopted);
    channel = *adopted;
    peer = std::move(pipes.second);
    turn();
    return channel;
  }
  /// Polls once and keeps the events.
  std::size_t turn() {
    std::array<Event, 8> some;
    const std::size_t count = framed->poll(some);
    for (std::size_t i = 0; i < count; ++i) events.push_back(std::move(some[i]));
    return count;
  }
  void turn_until_idle() {
    while (turn() > 0 || !framed->may_block()) {}
  }
  template <class E>
  std::size_t count() const {
    std::size_t found = 0;
    for (const Event& event : events) found += std::holds_alternative<E>(event) ? 1 : 0;
    return found;
  }
  /// The peer writes raw bytes; turns the lane while the pipe is full.
  void inject(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const std::array ranges{bytes};
      const auto sent = peer->write(ranges);
      if (!sent) return;
      bytes = bytes.subspan(*sent);
      if (*sent == 0) turn();
    }
  }
  void inject(const FrameHeader& header, std::span<const std::byte> payload = {}) {
    std::array<std::byte, kFrameHeaderBytes> bytes;
    encode_frame_header(header, bytes);
    inject(bytes);
    inject(payload);
  }
  const Down* down() const {
    for (const Event& event : events) {
      if (const auto* found = std::get_if<Down>(&event)) return found;
    }
    return nullptr;
  }

  std::unique_ptr<FramedLane> framed;
  std::unique_ptr<conformance::PlainPipe> peer;
  Channel channel;
  std::vector<Event> events;  // before the lane in destruction: leases go first
};

}  // namespace weft::lane
