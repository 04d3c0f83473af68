#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <utility>

#include <weft/base/fd.hpp>
#include <weft/base/result.hpp>

namespace weft::cli {

/// A file that comes as grains: the grain of index i is its i-th piece. They may come in any order and more than once;
/// how long the file is comes at the end.
class GrainFile {
 public:
  /// Exists, or what else the system says.
  static Result<GrainFile> create(const std::filesystem::path& path, std::uint64_t piece_bytes);

  /// Malformed: a piece that is more than 2^20 ahead of the others.
  Result<void> put(std::uint64_t index, std::span<const std::byte> piece);
  /// Cuts it to its length. IntegrityFailure: pieces are missing, or there are more than it has.
  Result<void> finish(std::uint64_t bytes);
  bool is_whole() const noexcept { return whole_; }

 private:
  GrainFile(Fd file, std::string path, std::uint64_t piece_bytes)
      : file_(std::move(file)), path_(std::move(path)), piece_bytes_(piece_bytes) {}

  Fd file_;
  std::string path_;
  std::uint64_t piece_bytes_;
  std::uint64_t next_ = 0;           // behind the last piece
  std::set<std::uint64_t> missing_;  // of those before
  bool whole_ = false;
};

}  // namespace weft::cli
