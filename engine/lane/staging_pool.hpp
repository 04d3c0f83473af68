#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace weft::lane {

/// Blocks for bytes that were read and not parsed yet. A channel holds one only while it has such bytes, so a lane
/// needs few of them for many channels. Lives on its lane's loop.
class StagingPool {
 public:
  static constexpr std::size_t kBlockBytes = 64 * 1024;
  using Block = std::unique_ptr<std::array<std::byte, kBlockBytes>>;

  Block take() {
    if (idle_.empty()) return Block{new std::array<std::byte, kBlockBytes>};
    Block block = std::move(idle_.back());
    idle_.pop_back();
    return block;
  }
  void give_back(Block block) {
    if (block) idle_.push_back(std::move(block));
  }

 private:
  std::vector<Block> idle_;
};

}  // namespace weft::lane
