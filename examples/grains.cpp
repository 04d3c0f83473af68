// A ring of four buffers that another node writes: each grain is read, and its slot let go for the next one.
#include <array>
#include <cstdio>
#include <thread>
#include <vector>

#include <weft/weft.hpp>

int main() {
  using namespace std::chrono_literals;
  std::vector<std::byte> memory(4 * 1024);
  weft::TargetOptions ring;
  for (std::size_t at = 0; at < memory.size(); at += 1024) ring.slots.push_back(std::span(memory).subspan(at, 1024));
  auto reader = weft::unwrap(weft::TensorNode::start());
  auto target = weft::unwrap(reader.open_target(std::move(ring)));
  const std::string info = target.info().to_string();  // hand this text to the other process: it opens the ring

  std::jthread writer([&info] {
    auto node = weft::unwrap(weft::TensorNode::start());
    auto initiator = weft::unwrap(node.open_initiator());
    weft::unwrap(initiator.add_target(weft::unwrap(weft::TargetInfo::parse(info))));
    while (initiator.link(0) != weft::TargetLink::kConnected) std::this_thread::sleep_for(1ms);
    for (std::uint64_t index = 0; index < 20; ++index) {
      const std::vector<std::byte> frame(1024, static_cast<std::byte>(index));
      const std::array<std::span<const std::byte>, 1> parts{frame};
      weft::unwrap(initiator.send(index, parts));
      weft::unwrap(weft::unwrap(initiator.wait_result()).result);  // it is there; `frame` may go
    }
  });
  for (int count = 0; count < 20; ++count) {
    const auto grain = weft::unwrap(target.read(10s));
    std::printf("grain %llu in slot %u: %zu bytes of %d\n", static_cast<unsigned long long>(grain.index), grain.slot,
                grain.data.size(), std::to_integer<int>(grain.data.front()));
    weft::unwrap(target.release(grain.slot));
  }
}
