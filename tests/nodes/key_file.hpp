#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

namespace weft::test {

/// An identity that outlives a node and a process: where its key is kept. One at a time in a process.
struct KeyFile {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("weft-test-" + std::to_string(::getpid()) + ".key");
  KeyFile() { std::filesystem::remove(path); }
  KeyFile(const KeyFile&) = delete;
  KeyFile& operator=(const KeyFile&) = delete;
  ~KeyFile() { std::filesystem::remove(path); }
};

}  // namespace weft::test
