#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <weft/base/result.hpp>

namespace weft {

/// A sharded model's index (model.safetensors.index.json): which file beside it holds which tensor. A value.
/// Invariant: names are unique and as SafetensorsHeader's; files() are unique plain file names, never a path, so that
/// an index cannot point outside its folder.
class SafetensorsIndex {
 public:
  struct Weight {
    std::string name;
    std::size_t file = 0;  ///< index of files()
  };

  /// Malformed, naming the tensor or file, for what breaks the invariant or is no such index. Fields that are not
  /// "weight_map" are passed over.
  static Result<SafetensorsIndex> parse(std::span<const std::byte> json);
  /// Reads the file. Malformed as parse, and for one over kMaxSafetensorsHeaderBytes; else the system's errors.
  static Result<SafetensorsIndex> open(const std::filesystem::path& path);

  /// In the order of the file.
  std::span<const Weight> weights() const noexcept { return weights_; }
  /// In the order in which they are first named.
  std::span<const std::string> files() const noexcept { return files_; }

 private:
  std::vector<Weight> weights_;
  std::vector<std::string> files_;
};

}  // namespace weft
