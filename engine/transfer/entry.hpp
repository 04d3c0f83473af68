#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <weft/base/fd.hpp>
#include <weft/base/ids.hpp>
#include <weft/tensor/selection.hpp>
#include <weft/tensor/tensor_meta.hpp>

namespace weft::transfer {

/// A file whose bytes are read as pieces are sent. Shared by the entries it holds.
struct FileSource {
  Fd fd;
  std::string path;
};

/// Leaves of an entry, filled by the first send that hashed all of them, never at `put`. One loop writes, once; readers
/// on other loops may look at any time.
class LeafCache {
 public:
  LeafCache() = default;
  /// The leaves, or an empty span while they are not known.
  const std::vector<std::uint64_t>* get() const noexcept {
    // Pairs with the release in `set`: who sees the flag sees the leaves.
    return known_.load(std::memory_order_acquire) ? &leaves_ : nullptr;
  }
  void set(const std::vector<std::uint64_t>& leaves) {
    if (claimed_.exchange(true, std::memory_order_relaxed)) return;
    leaves_ = leaves;
    known_.store(true, std::memory_order_release);
  }

 private:
  std::vector<std::uint64_t> leaves_;
  std::atomic<bool> claimed_{false};
  std::atomic<bool> known_{false};
};

/// One published tensor. Immutable but for its leaf cache; alive while the catalog, a transfer or a reader holds it.
struct Entry {
  std::string name;
  TensorMeta meta;                   ///< of the memory as it lies, strides included
  std::optional<Selection> whole{};  ///< all of it, in dense order; always there once published
  std::uint64_t bytes = 0;           ///< dense bytes of the whole
  Generation generation;
  std::uint32_t index = 0;           ///< in its catalog, for handles
  const std::byte* data = nullptr;   ///< host memory, or null when `file`
  std::shared_ptr<FileSource> file;  ///< dense bytes at `file_offset`
  std::uint64_t file_offset = 0;
  std::shared_ptr<const void> keep_alive;  ///< drops after the last transfer that reads it
  mutable LeafCache leaves;
};
using EntryRef = std::shared_ptr<const Entry>;

}  // namespace weft::transfer
