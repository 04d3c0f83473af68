#pragma once

#include <cstddef>
#include <span>

#include <weft/base/result.hpp>
#include <weft/base/unique_handle.hpp>

namespace weft::memory {

inline constexpr std::size_t kHugePageBytes = std::size_t{2} * 1024 * 1024;

/// Anonymous memory and its only owner: zeroed, aligned to 2 MiB and advised to huge pages from that size up (copying
/// into fresh huge pages is five times as fast as into small ones), to a page below it. Any thread may
/// own it; dropping it unmaps, 20 µs per MiB, so not on a loop.
class Buffer {
 public:
  Buffer() = default;
  /// `bytes` rounded up to whole pages. InvalidArgument for 0, ResourceExhausted when the system has no more.
  static Result<Buffer> allocate(std::size_t bytes);

  std::byte* data() const noexcept { return mapping_.get().data; }
  std::size_t size() const noexcept { return mapping_.get().size; }
  std::span<std::byte> bytes() const noexcept { return {data(), size()}; }

  /// Gives every page its memory now instead of at the first touch. Blocks; for a worker thread.
  /// ResourceExhausted when there is not enough.
  Result<void> populate();

 private:
  struct MappingTraits {
    struct Handle {
      std::byte* data = nullptr;
      std::size_t size = 0;
      bool operator==(const Handle&) const = default;
    };
    static Handle none() noexcept { return {}; }
    static void close(Handle mapping) noexcept;
  };
  using Mapping = UniqueHandle<MappingTraits>;
  explicit Buffer(Mapping mapping) noexcept : mapping_(std::move(mapping)) {}

  Mapping mapping_;
};

}  // namespace weft::memory
