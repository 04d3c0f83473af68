#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include <weft/nodes/cli/grain_file.hpp>

namespace weft::cli {
namespace {

constexpr std::uint64_t kMostMissing = 1 << 20;
constexpr std::uint64_t kMostBytes = 1ull << 62;

}  // namespace

Result<GrainFile> GrainFile::create(const std::filesystem::path& path, std::uint64_t piece_bytes) {
  Fd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)};
  if (!file) return fail_errno(errno, "open", path.string());
  return GrainFile(std::move(file), path.string(), piece_bytes);
}

Result<void> GrainFile::put(std::uint64_t index, std::span<const std::byte> piece) {
  const std::uint64_t skipped = index > next_ ? index - next_ : 0;
  if (index >= kMostBytes / piece_bytes_ || skipped > kMostMissing - missing_.size())
    return fail(ErrorClass::kMalformed, "grains",
                fmt::format("a grain of index {} behind {} pieces has no place in the file", index, next_));
  auto offset = static_cast<off_t>(index * piece_bytes_);
  while (!piece.empty()) {
    const auto put = ::pwrite(file_.get(), piece.data(), piece.size(), offset);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno(errno, "pwrite", path_);
    offset += put;
    piece = piece.subspan(static_cast<std::size_t>(put));
  }
  if (index < next_) {
    missing_.erase(index);
    return {};
  }
  while (next_ < index) missing_.insert(next_++);
  ++next_;
  return {};
}

Result<void> GrainFile::finish(std::uint64_t bytes) {
  const std::uint64_t pieces = bytes / piece_bytes_ + (bytes % piece_bytes_ == 0 ? 0 : 1);
  if (next_ > pieces)
    return fail(ErrorClass::kIntegrityFailure, "grains",
                fmt::format("{} pieces came of a file that has {}", next_, pieces));
  if (const std::uint64_t missing = missing_.size() + (pieces - next_); missing != 0)
    return fail(ErrorClass::kIntegrityFailure, "grains",
                fmt::format("{} of the file's {} pieces did not come", missing, pieces));
  if (::ftruncate(file_.get(), static_cast<off_t>(bytes)) != 0) return fail_errno(errno, "ftruncate", path_);
  whole_ = true;
  return {};
}

}  // namespace weft::cli
