#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <weft/base/fd.hpp>
#include <weft/base/result.hpp>
#include <weft/base/unique_handle.hpp>
#include <weft/tensor/safetensors.hpp>

namespace weft {

/// A tensor that a file is to hold. Its bytes are written dense: the meta's strides are not looked at.
struct SafetensorsItem {
  std::string name;
  TensorMeta meta;
};

/// The header of a file that holds these items, and where each one's bytes go: as the format's own library lays them
/// out, by type, widest elements first, then by name. Pure.
struct SafetensorsLayout {
  std::vector<std::byte> header;       ///< length field included; padded with blanks to a multiple of 8
  std::vector<std::uint64_t> offsets;  ///< of each item, in the order given, from the start of the file
  std::uint64_t file_bytes = 0;

  /// Unsupported for a dtype that the format does not have (opaque, int4, uint4, complex128) or an odd number of 4-bit
  /// elements; InvalidArgument for a name that is taken, reserved, over 255 bytes or not clean UTF-8, a meta that does
  /// not validate, and a header over kMaxSafetensorsHeaderBytes. Errors name the tensor.
  static Result<SafetensorsLayout> make(std::span<const SafetensorsItem> items,
                                        const SafetensorsMetadata& metadata = {});
};

/// What becomes of a PATH.part that is there already.
enum class PartFile : std::uint8_t {
  kAnew,    ///< it is emptied
  kTakeUp,  ///< the bytes of its items stay
};

/// Writes a .safetensors file under PATH.part, its bytes in any order, and gives it its name when it is whole.
/// Destroyed before that it leaves nothing behind, unless it was told to `keep`. `write` may be called by several
/// threads for different bytes.
class SafetensorsWriter {
 public:
  /// Takes the disk space of the whole file and writes its header. Errors: SafetensorsLayout::make's;
  /// ResourceExhausted when the disk has no room for it; Exists while another process writes the same file.
  static Result<SafetensorsWriter> open(std::filesystem::path path, std::span<const SafetensorsItem> items,
                                        const SafetensorsMetadata& metadata = {}, PartFile part = PartFile::kAnew);

  std::size_t size() const noexcept { return layout_.offsets.size(); }
  /// Where item `index` < size() (in the order given) starts, from the start of the file.
  std::uint64_t offset_of(std::size_t index) const noexcept { return layout_.offsets[index]; }
  std::uint64_t bytes_of(std::size_t index) const noexcept { return sizes_[index]; }
  std::uint64_t file_bytes() const noexcept { return layout_.file_bytes; }
  /// For mapping: all of its file_bytes() have their disk space, so a store into them cannot fail for want of it.
  int fd() const noexcept { return fd_.get(); }

  /// Places bytes of item `index`, from `offset` of that item on. InvalidArgument past the item's end.
  Result<void> write(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes);
  /// Puts file and name on the disk: sync, rename over PATH, sync of the folder. What was never written is zero: that
  /// everything was is the caller's to know. A second call is InvalidArgument.
  Result<void> finish();
  /// Leaves PATH.part where it is, for another writer to take up.
  void keep() noexcept { static_cast<void>(part_.release()); }

 private:
  struct UnlinkTraits {
    using Handle = std::string;
    static Handle none() noexcept { return {}; }
    static void close(const Handle& path) noexcept;
  };

  SafetensorsWriter() = default;
  Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes);

  std::filesystem::path path_;
  SafetensorsLayout layout_;
  std::vector<std::uint64_t> sizes_;
  Fd fd_;
  UniqueHandle<UnlinkTraits> part_;  // removed first, while fd_ still holds its lock
};

}  // namespace weft
