#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include <weft/base/checked.hpp>
#include <weft/base/text.hpp>
#include <weft/tensor/safetensors_writer.hpp>

namespace weft {
namespace {

// The part file, locked, and empty where that is wanted. A process that finished or gave up in between has taken the
// name away from what we opened; then it is tried again.
Result<Fd> open_locked(const std::string& part, PartFile old) {
  while (true) {
    Fd fd{::open(part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666)};
    if (!fd) return fail_errno(errno, "open", part);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno != EWOULDBLOCK) return fail_errno(errno, "flock", part);
      return fail(
          Error{ErrorClass::kExists, "open", fmt::format("{} is being written by somebody else", part)}.with_hint(
              "wait for it, or write to another path"));
    }
    struct stat ours{}, named{};
    if (::fstat(fd.get(), &ours) != 0) return fail_errno(errno, "fstat", part);
    if (::lstat(part.c_str(), &named) != 0 || named.st_ino != ours.st_ino || named.st_dev != ours.st_dev) continue;
    if (old == PartFile::kAnew && ::ftruncate(fd.get(), 0) != 0) return fail_errno(errno, "ftruncate", part);
    return fd;
  }
}

Result<void> reserve(int fd, std::uint64_t bytes, const std::string& part) {
  int code = 0;
  do code = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  while (code == EINTR);
  if (code == 0) return {};
  const std::string what = fmt::format("{} for {}", human_bytes(bytes), part);
  if (code != EFBIG && code != ENOSPC) return fail_errno(code, "posix_fallocate", what);
  Error full{ErrorClass::kResourceExhausted, "posix_fallocate", what};
  auto failure = fail_errno(code, "posix_fallocate");
  return fail(std::move(full)
                  .with_native(code, std::string{failure.error().native_text()})
                  .with_hint("free space on that disk, raise the file size limit, or write to another"));
}

// A rename is on the disk only when its folder is.
Result<void> sync_folder(const std::filesystem::path& path) {
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
  Fd folder{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder) return fail_errno(errno, "open", parent.string());
  if (::fsync(folder.get()) != 0) return fail_errno(errno, "fsync", parent.string());
  return {};
}

}  // namespace

void SafetensorsWriter::UnlinkTraits::close(const Handle& path) noexcept { ::unlink(path.c_str()); }

Result<SafetensorsWriter> SafetensorsWriter::open(std::filesystem::path path, std::span<const SafetensorsItem> items,
                                                  const SafetensorsMetadata& metadata, PartFile old) {
  SafetensorsWriter writer;
  WEFT_LET(writer.layout_, SafetensorsLayout::make(items, metadata));
  for (const SafetensorsItem& item : items) {
    WEFT_LET(const std::uint64_t bytes, item.meta.byte_size());
    writer.sizes_.push_back(bytes);
  }
  const std::string part = path.string() + ".part";
  WEFT_LET(writer.fd_, open_locked(part, old));
  writer.part_.reset(part);
  writer.path_ = std::move(path);
  WEFT_TRY(reserve(writer.fd_.get(), writer.layout_.file_bytes, part));
  if (::ftruncate(writer.fd_.get(), static_cast<off_t>(writer.layout_.file_bytes)) != 0)  // an older one was longer
    return fail_errno(errno, "ftruncate", part);
  WEFT_TRY(writer.write_at(0, writer.layout_.header));
  return writer;
}

Result<void> SafetensorsWriter::write(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes) {
  if (index >= size() || !within<std::uint64_t>(offset, bytes.size(), bytes_of(index)))
    return fail(ErrorClass::kInvalidArgument, "write",
                fmt::format("{} bytes at {} do not lie in item {} of {}", bytes.size(), offset, index, path_.string()));
  return write_at(offset_of(index) + offset, bytes);
}

Result<void> SafetensorsWriter::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno(errno, "pwrite", part_.get());
    offset += static_cast<std::uint64_t>(put);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

Result<void> SafetensorsWriter::finish() {
  if (!part_) return fail(ErrorClass::kInvalidArgument, "finish", fmt::format("{} is finished", path_.string()));
  if (::fsync(fd_.get()) != 0) return fail_errno(errno, "fsync", part_.get());
  if (::rename(part_.get().c_str(), path_.c_str()) != 0) return fail_errno(errno, "rename", path_.string());
  static_cast<void>(part_.release());
  fd_.reset();
  return sync_folder(path_);
}

}  // namespace weft
