/// Grains by coroutines: one end doubles what comes and sends it back, the other awaits the answers.
#include <array>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <weft/weft.hpp>

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kFloats = 256;

/// A node that is written to and writes: a ring of its own, and the way to another's.
struct End {
  weft::TensorNode node = weft::unwrap(weft::TensorNode::start());
  std::vector<float> memory = std::vector<float>(4 * kFloats);
  weft::Target target = open();
  weft::Initiator initiator = weft::unwrap(node.open_initiator());

  weft::Target open() {
    weft::TargetOptions ring;
    const auto bytes = std::as_writable_bytes(std::span(memory));
    for (std::size_t slot = 0; slot < 4; ++slot)
      ring.slots.push_back(bytes.subspan(slot * kFloats * sizeof(float), kFloats * sizeof(float)));
    return weft::unwrap(node.open_target(std::move(ring)));
  }
  void connect(const std::string& info) {
    weft::unwrap(initiator.add_target(weft::unwrap(weft::TargetInfo::parse(info))));
    while (initiator.link(0) != weft::TargetLink::kConnected) std::this_thread::sleep_for(1ms);
  }
};

/// Sends floats and waits until they are there, so that they may go.
weft::Task<weft::Result<void>> send(weft::Initiator& to, std::uint64_t index, std::vector<float> values) {
  const std::array<std::span<const std::byte>, 1> parts{std::as_bytes(std::span(values))};
  if (auto sent = to.send(index, parts); !sent) co_return std::unexpected(sent.error());
  const auto result = co_await to.next();
  if (!result) co_return std::unexpected(result.error());
  co_return result->result;
}

std::vector<float> floats(const weft::Grain& grain) {
  std::vector<float> values(grain.data.size() / sizeof(float));
  std::memcpy(values.data(), grain.data.data(), grain.data.size());
  return values;
}

/// Until the target is closed, which ends the wait with ShuttingDown.
weft::Task<weft::Result<void>> double_all(End& here) {
  for (;;) {
    const auto grain = co_await here.target.next();
    if (!grain) co_return std::unexpected(grain.error());
    auto values = floats(*grain);
    weft::unwrap(here.target.release(grain->slot));
    for (float& value : values) value *= 2;
    if (auto sent = co_await send(here.initiator, grain->index, std::move(values)); !sent) co_return sent;
  }
}

weft::Task<weft::Result<void>> ask(End& here) {
  for (std::uint64_t index = 0; index < 5; ++index) {
    if (auto sent = co_await send(here.initiator, index, std::vector<float>(kFloats, static_cast<float>(index))); !sent)
      co_return sent;
    const auto answer = co_await here.target.next(10s);
    if (!answer) co_return std::unexpected(answer.error());
    std::printf("grain %llu came back with %.0f\n", static_cast<unsigned long long>(answer->index),
                floats(*answer).back());
    weft::unwrap(here.target.release(answer->slot));
  }
  co_return weft::Result<void>();
}

}  // namespace

int main() {
  End server, client;
  server.connect(client.target.info().to_string());
  client.connect(server.target.info().to_string());
  std::jthread serving([&server] {
    const auto ended = weft::block_on(double_all(server));
    std::printf("the server ended: %s\n", std::string(weft::to_string(ended.error().kind())).c_str());
  });
  weft::unwrap(weft::block_on(ask(client)));
  server.target.close();
}
