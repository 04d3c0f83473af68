#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <weft/tensor/safetensors.hpp>

namespace weft {
namespace {

constexpr const char* kOperation = "safetensors";

std::unexpected<Error> at_path(const Error& error, const std::filesystem::path& path) {
  return fail(Error{error.kind(), kOperation, fmt::format("{}: {}", path.string(), error.message())}.with_hint(
      error.own_hint().empty() ? "the file is damaged, or still being written; make or fetch it again"
                               : std::string(error.own_hint())));
}

}  // namespace

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  // Without O_NONBLOCK the open of a FIFO would wait for its writer; a regular file ignores it.
  Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!fd) return fail_errno(errno, "open", path.string());
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(errno, "fstat", path.string());
  if (!S_ISREG(status.st_mode))
    return fail(ErrorClass::kInvalidArgument, kOperation, fmt::format("{} is no regular file", path.string()));
  const auto file_bytes = static_cast<std::uint64_t>(status.st_size);
  SafetensorsFile file{path, std::move(fd)};
  std::vector<std::byte> prefix(std::min<std::uint64_t>(file_bytes, 8));
  WEFT_TRY(file.read(0, prefix));
  const auto header_bytes = SafetensorsHeader::measure(prefix, file_bytes);
  if (!header_bytes) return at_path(header_bytes.error(), path);
  prefix.resize(*header_bytes);
  WEFT_TRY(file.read(0, prefix));
  auto header = SafetensorsHeader::parse(prefix, file_bytes);
  if (!header) return at_path(header.error(), path);
  file.header_ = std::move(*header);
  return file;
}

Result<void> SafetensorsFile::read(std::uint64_t offset, std::span<std::byte> into) const {
  while (!into.empty()) {
    const ssize_t got = ::pread(fd_.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "pread", path_.string());
    if (got == 0)
      return fail(ErrorClass::kMalformed, kOperation, fmt::format("{} ends at byte {}", path_.string(), offset));
    offset += static_cast<std::uint64_t>(got);
    into = into.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

}  // namespace weft
