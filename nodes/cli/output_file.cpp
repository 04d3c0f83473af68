#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include <weft/base/checked.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/output_file.hpp>

namespace weft::cli {
namespace {

std::unexpected<Error> refused(std::string_view option, const std::filesystem::path& folder, int code) {
  Error why{ErrorClass::kInvalidArgument, "open",
            fmt::format("{}: no file can be made in {}: {}", option, escaped(folder.string()),
                        std::generic_category().message(code))};
  if (code == ENOENT) return fail(std::move(why).with_hint(fmt::format("mkdir -p {}", escaped(folder.string()))));
  if (code == ENOTDIR) return fail(std::move(why).with_hint("a part of that path is a file: name a folder"));
  return fail(std::move(why).with_hint("choose a folder that this user may write"));
}

std::unexpected<Error> too_large(std::uint64_t bytes, std::string_view most, const std::filesystem::path& folder,
                                 std::string_view hint) {
  return fail(Error{ErrorClass::kResourceExhausted, "save",
                    fmt::format("a file of {} for {}, {}", human_bytes(bytes), escaped(folder.string()), most)}
                  .with_hint(std::string(hint)));
}

}  // namespace

std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

Result<void> check_folder(std::string_view option, const std::filesystem::path& folder) {
  struct stat found{};
  if (::stat(folder.c_str(), &found) != 0) return refused(option, folder, errno);
  if (!S_ISDIR(found.st_mode)) return refused(option, folder, ENOTDIR);
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) return refused(option, folder, errno);
  return {};
}

Result<void> make_folder(std::string_view option, const std::filesystem::path& folder) {
  std::error_code why;
  if (std::filesystem::create_directories(folder, why); why) return refused(option, folder, why.value());
  return check_folder(option, folder);
}

std::uint64_t bytes_on_disk(const std::filesystem::path& file) {
  struct stat found{};
  return ::lstat(file.c_str(), &found) == 0 ? static_cast<std::uint64_t>(found.st_blocks) * 512 : 0;
}

Result<void> check_room(const std::filesystem::path& folder, std::uint64_t bytes, std::uint64_t there) {
  struct rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && bytes > limit.rlim_cur)
    return too_large(bytes, fmt::format("and a file may have {}", human_bytes(limit.rlim_cur)), folder,
                     "raise the limit where it is saved: ulimit -f unlimited");
  struct statvfs disk{};
  // Some file systems do not say how large they are.
  if (::statvfs(folder.c_str(), &disk) != 0 || disk.f_blocks == 0) return {};
  const std::uint64_t blocks = ::geteuid() == 0 ? disk.f_bfree : disk.f_bavail;
  const auto free = checked_mul<std::uint64_t>(blocks, disk.f_frsize);
  if (!free || bytes <= there || bytes - there <= *free) return {};
  return too_large(bytes, fmt::format("where {} are free", human_bytes(*free)), folder,
                   "free space there, or save to another disk (-o)");
}

}  // namespace weft::cli
