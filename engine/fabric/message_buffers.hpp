#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include <weft/fabric/memory_region.hpp>

namespace weft::fabric {

/// Equal buffers for messages, registered together. Belongs to the domain's loop.
class MessageBuffers {
 public:
  /// ResourceExhausted where that much memory may not be locked.
  static Result<MessageBuffers> open(const Domain& domain, std::size_t count, std::size_t bytes, Access access);

  std::span<std::byte> at(std::size_t index) const noexcept { return {memory_.get() + index * bytes_, bytes_}; }
  /// The first `length` bytes of one.
  LocalRegion region(std::size_t index, std::size_t length) const noexcept {
    return {reinterpret_cast<std::uint64_t>(at(index).data()), length, registered_.desc()};
  }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  MessageBuffers(std::unique_ptr<std::byte[]> memory, MemoryRegion registered, std::size_t bytes)
      : memory_(std::move(memory)), registered_(std::move(registered)), bytes_(bytes) {}
  std::unique_ptr<std::byte[]> memory_;
  MemoryRegion registered_;
  std::size_t bytes_;
};

}  // namespace weft::fabric
