#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/fd.hpp>
#include <weft/base/result.hpp>
#include <weft/tensor/tensor_meta.hpp>

namespace weft {

/// The longest header that is read or written, as in the format's own library.
inline constexpr std::uint64_t kMaxSafetensorsHeaderBytes = 100'000'000;
using SafetensorsMetadata = std::map<std::string, std::string>;

/// One tensor of a file: what it is and which bytes of the file it takes.
struct SafetensorsEntry {
  std::string name;
  TensorMeta meta;
  std::uint64_t offset = 0;  ///< from the start of the file
  std::uint64_t bytes = 0;
};

/// The header of a .safetensors file, read from bytes that nobody vouches for. A value.
///
/// Invariant, which is the format's: names are unique, of at most 255 bytes of UTF-8 without NUL; every tensor's shape
/// × dtype is exactly its bytes; in the order of entries() each starts where the one before ends, the first right after
/// the header, the last at the end of the file. Names and dtypes are the file's, nothing is guessed.
class SafetensorsHeader {
 public:
  /// Bytes of a file's length field and header together, from its first 8 bytes. Malformed when there are fewer, or
  /// for a length that the file cannot hold or that is over kMaxSafetensorsHeaderBytes.
  static Result<std::uint64_t> measure(std::span<const std::byte> prefix, std::uint64_t file_bytes);
  /// `prefix`: the file's first bytes, `measure()` of them or more. Malformed for everything that breaks the invariant,
  /// and for an unknown dtype, naming the tensor and what is wrong with it. Reads no byte of `prefix` past the header.
  static Result<SafetensorsHeader> parse(std::span<const std::byte> prefix, std::uint64_t file_bytes);

  /// In the order of their bytes.
  std::span<const SafetensorsEntry> entries() const noexcept { return entries_; }
  const SafetensorsMetadata& metadata() const noexcept { return metadata_; }
  /// Where the first tensor starts: after length field and header.
  std::uint64_t data_offset() const noexcept { return data_offset_; }
  /// O(log n); null when there is none of that name. Borrowed from this.
  const SafetensorsEntry* find(std::string_view name) const noexcept;

 private:
  std::vector<SafetensorsEntry> entries_;
  std::vector<std::uint32_t> by_name_;  // indices of entries_, by name
  SafetensorsMetadata metadata_;
  std::uint64_t data_offset_ = 0;
};

/// A .safetensors file open for reading. Any thread may read.
class SafetensorsFile {
 public:
  /// Reads the header only. Malformed as SafetensorsHeader::parse, with the path; NotFound, Forbidden… from the system;
  /// InvalidArgument for what is no regular file.
  static Result<SafetensorsFile> open(const std::filesystem::path& path);

  const SafetensorsHeader& header() const noexcept { return header_; }
  std::span<const SafetensorsEntry> entries() const noexcept { return header_.entries(); }
  const std::filesystem::path& path() const noexcept { return path_; }
  int fd() const noexcept { return fd_.get(); }
  /// Fills `into` from `offset` of the file on. Malformed when the file has become shorter. Blocks on the disk.
  Result<void> read(std::uint64_t offset, std::span<std::byte> into) const;

 private:
  SafetensorsFile(std::filesystem::path path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  std::filesystem::path path_;
  Fd fd_;
  SafetensorsHeader header_;
};

}  // namespace weft
