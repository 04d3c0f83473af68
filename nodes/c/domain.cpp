#include <weft/nodes/c/domain.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include <weft/base/text.hpp>

namespace weft::c {
namespace {

constexpr std::size_t kMaxNameBytes = 200;

std::unexpected<Fault> fail_folder(int code, const std::string& path) {
  const weftStatus status = code == ENOTDIR || code == ELOOP || code == ENAMETOOLONG ? WEFT_ERR_INVALID_ARG
                            : code == ENOENT                                         ? WEFT_ERR_NOT_FOUND
                                                                                     : WEFT_ERR_UNKNOWN;
  Error error = fail_errno(code, "domain", fmt::format("\"{}\" cannot be opened", escaped(path))).error();
  if (status == WEFT_ERR_UNKNOWN) return std::unexpected<Fault>(std::move(error));
  return std::unexpected<Fault>(Fault(status, std::move(error)));
}

Outcome<void> expect_private(int folder, const std::string& path) {
  struct stat what{};
  if (::fstat(folder, &what) != 0) return fail_folder(errno, path);
  if (what.st_uid == ::geteuid() && (what.st_mode & (S_IRWXG | S_IRWXO)) == 0) return {};
  return refuse(WEFT_ERR_PERMISSION_DENIED, fmt::format("{} is another user's, or open to others", path),
                "remove it, or name a domain of your own");
}

}  // namespace

Outcome<Domain> Domain::open(const char* path) {
  const bool own = path == nullptr;
  std::string name = own ? fmt::format("/dev/shm/weft-{}", ::geteuid()) : std::string(path);
  if (name.empty()) return bad_argument("the domain is empty", "NULL is this user's own folder in /dev/shm");
  if (::mkdir(name.c_str(), S_IRWXU) != 0 && errno != EEXIST) return fail_folder(errno, name);
  // The default one's name can be foreseen: a link that somebody else laid there is not followed.
  Fd folder(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | (own ? O_NOFOLLOW : 0)));
  if (!folder) return fail_folder(errno, name);
  if (own) WEFT_C_TRY(expect_private(folder.get(), name));
  return Domain(std::move(folder), std::move(name));
}

Outcome<std::string> Domain::file_of(const char* name) {
  const std::string_view text(name);
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  if (text.empty() || text.size() > kMaxNameBytes || text.front() == '.' ||
      !std::all_of(text.begin(), text.end(), allowed))
    return bad_argument(fmt::format("\"{}\" is no name of a flow", escaped(text.substr(0, kMaxNameBytes))),
                        "1 to 200 of a-z A-Z 0-9 . _ -, not beginning with a dot");
  return std::string(text) + ".weft-flow";
}

}  // namespace weft::c
