#pragma once

#include <string>
#include <string_view>

#include <weft/base/fd.hpp>
#include <weft/nodes/c/fault.hpp>

namespace weft::c {

/// The folder that an instance's flows lie in, open. Immutable; any thread.
class Domain {
 public:
  /// NULL: the private folder of this user below /dev/shm, which must be nobody else's. Else that folder, made when
  /// only its last part is missing. INVALID_ARG, NOT_FOUND, PERMISSION_DENIED.
  static Outcome<Domain> open(const char* path);

  int fd() const noexcept { return folder_.get(); }
  const std::string& path() const noexcept { return path_; }
  /// The file of a flow, relative to the folder. INVALID_ARG: not a flow's name.
  static Outcome<std::string> file_of(const char* name);

 private:
  Domain(Fd folder, std::string path) : folder_(std::move(folder)), path_(std::move(path)) {}
  Fd folder_;
  std::string path_;
};

}  // namespace weft::c
