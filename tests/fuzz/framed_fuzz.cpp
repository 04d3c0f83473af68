// Whatever bytes a peer sends, a framed lane writes nowhere but into what it exposed, tells each channel's end once,
// and takes no more memory than its budget.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include <weft/lane/framed.hpp>

#include "tests/conformance/plain_pipe.hpp"

namespace {

using namespace weft;

constexpr std::size_t kGuard = 8 * 1024;
constexpr std::size_t kExposed = 4096;
constexpr std::byte kFresh{0xA5};

void require(bool holds) {
  if (!holds) std::abort();
}

struct Target {
  std::unique_ptr<lane::FramedLane> framed;
  std::unique_ptr<conformance::PlainPipe> peer;
  std::vector<std::byte> memory = std::vector<std::byte>(2 * kGuard + kExposed, kFresh);
  lane::ExposurePtr exposure;
  std::size_t downs = 0;

  Target() {
    lane::Traits traits = lane::framed_traits(weft::Lane::kTls, false);
    traits.max_message = 256 * 1024;
    // The first key drawn is 1, so that inputs can name it.
    auto opened =
        lane::FramedLane::open({.traits = traits, .draw_key = [key = std::uint64_t{0}]() mutable { return ++key; }});
    require(opened.has_value());
    framed = std::move(*opened);
    auto pipes = conformance::PlainPipe::make_pair();
    const auto channel = framed->adopt(std::move(pipes.first));
    require(channel.has_value());
    peer = std::move(pipes.second);
    auto exposed = framed->expose({memory.data() + kGuard, kExposed}, *channel);
    require(exposed.has_value());
    exposure = std::move(*exposed);
  }
  void poll() {
    std::array<lane::Event, 7> events;
    for (int i = 0; i < 64; ++i) {
      const std::size_t count = framed->poll(events);
      require(count == 0 || downs == 0);
      for (std::size_t e = 0; e < count; ++e) {
        if (const auto* message = std::get_if<lane::MessageArrived>(&events[e])) read_all(message->message.bytes());
        downs += std::holds_alternative<lane::Down>(events[e]) ? 1 : 0;
        events[e] = std::monostate{};
      }
      if (count == 0 && framed->may_block()) return;
    }
  }
  static void read_all(std::span<const std::byte> bytes) {
    std::uint64_t sum = 0;
    for (const std::byte value : bytes) sum += std::to_integer<std::uint64_t>(value);
    volatile std::uint64_t sink = sum;
    (void)sink;
  }
  bool guards_hold() const {
    for (std::size_t i = 0; i < kGuard; ++i) {
      if (memory[i] != kFresh || memory[kGuard + kExposed + i] != kFresh) return false;
    }
    return true;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Target target;
  target.poll();
  // The first byte says into what parts the rest is cut; a part of it may come after the exposure was revoked.
  const std::size_t part = size == 0 || data[0] == 0 ? SIZE_MAX : std::max<std::size_t>(data[0], size / 256);
  const bool revoke = size > 0 && (data[0] & 0x80) != 0;
  std::span<const std::byte> rest{reinterpret_cast<const std::byte*>(data) + (size > 0 ? 1 : 0),
                                  size - (size > 0 ? 1 : 0)};
  std::vector<std::byte> at_revoke;
  for (std::size_t sent = 0; !rest.empty() && target.downs == 0;) {
    const std::array ranges{rest.first(std::min(part, rest.size()))};
    const auto wrote = target.peer->write(ranges);
    if (!wrote) break;
    rest = rest.subspan(*wrote);
    sent += *wrote;
    target.poll();
    if (revoke && sent > size / 2 && target.exposure) {
      target.exposure.reset();
      at_revoke = target.memory;
    }
  }
  target.peer.reset();
  target.poll();
  require(target.downs == 1);
  require(target.guards_hold());
  require(at_revoke.empty() || at_revoke == target.memory);
  require(target.framed->channels() == 0);
  return 0;
}
