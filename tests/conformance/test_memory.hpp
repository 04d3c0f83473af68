#pragma once

#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <weft/lane/lane.hpp>

namespace weft::conformance {

/// The byte that pattern `seed` has at `offset`.
inline std::byte pattern_at(std::uint64_t seed, std::uint64_t offset) {
  const std::uint64_t mixed = (seed + 1) * 0x9E3779B97F4A7C15u + (offset >> 3) * 0xBF58476D1CE4E5B9u;
  return static_cast<std::byte>(mixed >> (8 * (offset & 7)));
}

/// Memory to send from, registered with its lane.
class Source {
 public:
  Source(lane::Lane& lane, std::size_t size, std::uint64_t seed) : bytes_(size) {
    for (std::size_t i = 0; i < size; ++i) bytes_[i] = pattern_at(seed, i);
    auto attached = lane.attach({bytes_.data(), bytes_.size()});
    REQUIRE(attached);
    attachment_ = std::move(*attached);
  }
  lane::Gather range(std::size_t offset, std::size_t size) const {
    return {bytes_.data() + offset, size, attachment_->descriptor()};
  }
  lane::Gather all() const { return range(0, bytes_.size()); }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
  std::unique_ptr<lane::Attachment> attachment_;
};

/// Exposed memory between two guards that must never change.
class Target {
 public:
  static constexpr std::size_t kGuard = 4096;
  static constexpr std::byte kFresh{0xA5};

  Target(lane::Lane& lane, lane::Channel channel, std::size_t size) : bytes_(size + 2 * kGuard, kFresh), size_(size) {
    auto exposed = lane.expose({bytes_.data() + kGuard, size}, channel);
    REQUIRE(exposed);
    exposure_ = std::move(*exposed);
    key_ = exposure_->key();
    base_ = exposure_->base();
  }
  lane::RemoteRange range(std::uint64_t offset, std::uint64_t length) const { return {key_, base_ + offset, length}; }
  std::byte operator[](std::size_t offset) const { return bytes_[kGuard + offset]; }
  /// Whether [offset, offset + length) holds pattern `seed` from `from` on.
  bool holds(std::uint64_t seed, std::size_t offset, std::size_t length, std::size_t from) const {
    for (std::size_t i = 0; i < length; ++i) {
      if ((*this)[offset + i] != pattern_at(seed, from + i)) return false;
    }
    return true;
  }
  bool guards_hold() const {
    for (std::size_t i = 0; i < kGuard; ++i) {
      if (bytes_[i] != kFresh || bytes_[kGuard + size_ + i] != kFresh) return false;
    }
    return true;
  }
  bool untouched() const {
    for (const std::byte value : bytes_) {
      if (value != kFresh) return false;
    }
    return true;
  }
  std::vector<std::byte> snapshot() const { return bytes_; }
  void revoke() { exposure_.reset(); }

 private:
  std::vector<std::byte> bytes_;
  std::size_t size_;
  std::uint64_t key_ = 0;
  std::uint64_t base_ = 0;
  lane::ExposurePtr exposure_;
};

}  // namespace weft::conformance
