#pragma once

#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <weft/weft.hpp>
#include <weft/wire/digest.hpp>

namespace weft::test {

/// A grain of the tests': its index, the digest of what follows, and content that is the index's.
inline std::vector<std::byte> grain_of(std::uint64_t index, std::size_t bytes) {
  std::vector<std::byte> grain(bytes);
  for (std::size_t at = 16; at < bytes; ++at) grain[at] = static_cast<std::byte>((index * 0x9E3779B9 + at) >> 3);
  const std::uint64_t digest = wire::leaf_of(std::span(grain).subspan(16));
  std::memcpy(grain.data(), &index, 8);
  std::memcpy(grain.data() + 8, &digest, 8);
  return grain;
}
inline bool is_grain(std::uint64_t index, std::span<const std::byte> grain) {
  std::uint64_t told = 0, digest = 0;
  std::memcpy(&told, grain.data(), 8);
  std::memcpy(&digest, grain.data() + 8, 8);
  return told == index && digest == wire::leaf_of(grain.subspan(16));
}

/// A target and a thread that takes what comes: counts it, and what came twice, torn, or out of its order.
class GrainReader {
 public:
  GrainReader(TensorNode& node, std::size_t grains, std::size_t bytes) : memory_(grains * bytes) {
    TargetOptions options;
    for (std::size_t i = 0; i < grains; ++i) options.slots.push_back(std::span(memory_).subspan(i * bytes, bytes));
    target_.emplace(unwrap(node.open_target(std::move(options))));
    thread_ = std::thread([this] { read(); });
  }
  ~GrainReader() {
    over_ = true;
    thread_.join();
  }
  const TargetInfo& info() const { return target_->info(); }
  std::string tally() const {
    return std::to_string(count_) + " " + std::to_string(torn_) + " " + std::to_string(disordered_);
  }

 private:
  void read() {
    std::uint64_t next = 0;
    while (!over_) {
      const auto grain = target_->read(std::chrono::milliseconds(20));
      if (!grain) continue;
      torn_ += is_grain(grain->index, grain->data) ? 0 : 1;
      disordered_ += grain->index >= next ? 0 : 1;  // a grain that comes twice as well
      next = grain->index + 1;
      if (!target_->release(grain->slot)) ++torn_;
      ++count_;
    }
  }
  std::vector<std::byte> memory_;
  std::optional<Target> target_;
  std::atomic<bool> over_{false};
  std::atomic<std::uint64_t> count_{0}, torn_{0}, disordered_{0};
  std::thread thread_;
};

}  // namespace weft::test
