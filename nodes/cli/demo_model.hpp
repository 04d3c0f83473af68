#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <weft/base/result.hpp>
#include <weft/nodes/cli/command.hpp>
#include <weft/nodes/cli/progress_bar.hpp>
#include <weft/tensor/safetensors_writer.hpp>

namespace weft::cli {

inline constexpr std::uint64_t kLeastDemoBytes = 8ull << 20;

/// The tensors of a small open transformer, by GPT-2's names and shapes, float16; its width and depth chosen so that
/// it comes near `bytes` without passing it. At least kLeastDemoBytes.
std::vector<SafetensorsItem> demo_tensors(std::uint64_t bytes);

/// Writes them, with content that follows from a seed, to a folder that has the room. ResourceExhausted: it has not.
/// Cancelled on a signal, DeadlineExceeded after --timeout.
Result<void> write_demo_model(const Context& context, const std::filesystem::path& path,
                              const std::vector<SafetensorsItem>& items);

/// A folder of this process's own that goes with it. In TMPDIR, else /dev/shm or /tmp, whichever has `bytes` free.
class ScratchFolder {
 public:
  static Result<ScratchFolder> make(std::uint64_t bytes);
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder();
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  explicit ScratchFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace weft::cli
